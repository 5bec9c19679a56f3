"""Which fields of a request reach a model's server.

A field nobody here knows could change how much is written, where it is asked or
with which key: what was reserved would not be what is spent. So the known ones are
let through, the protocol's and what popular servers sample by, and a deployment
names others in ``options["accepts"]``.
"""

from typing import Any

from inference.protocol.errors import bad_request

_WRITING = {
    *("model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n"),
    *("temperature", "top_p", "presence_penalty", "frequency_penalty", "stop", "seed"),
    *("logit_bias", "logprobs", "user", "metadata", "response_format"),
    # Sampling and guided writing of vLLM, SGLang and llama.cpp.
    *("top_k", "min_p", "top_a", "top_n_sigma", "typical_p", "tfs_z", "samplers"),
    *("repetition_penalty", "repeat_penalty", "repeat_last_n", "mirostat"),
    *("mirostat_tau", "mirostat_eta", "dry_multiplier", "dry_base"),
    *("dry_allowed_length", "dry_penalty_last_n", "dry_sequence_breakers"),
    *("xtc_probability", "xtc_threshold", "dynatemp_range", "dynatemp_exponent"),
    *("stop_token_ids", "bad_words", "include_stop_str_in_output"),
    *("skip_special_tokens", "spaces_between_special_tokens", "cache_prompt"),
    *("guided_json", "guided_regex", "guided_choice", "guided_grammar"),
    *("structured_outputs", "json_schema", "grammar", "regex", "ebnf"),
}
_CHAT = {
    *("messages", "tools", "tool_choice", "parallel_tool_calls", "functions"),
    *("function_call", "top_logprobs", "reasoning_effort", "verbosity", "modalities"),
    *("audio", "safety_identifier", "prompt_cache_key", "store"),
    *("chat_template_kwargs", "add_generation_prompt", "continue_final_message"),
    *("enable_thinking", "thinking", "thinking_budget", "reasoning"),
    *("include_reasoning", "separate_reasoning", "reasoning_format"),
}
_EMBEDDING = {
    *("model", "input", "encoding_format", "dimensions", "user", "stream"),
    *("input_type", "truncate", "truncate_prompt_tokens", "normalize"),
}
_RERANKING = {
    *("model", "query", "documents", "top_n", "return_documents", "user"),
    *("max_tokens_per_doc", "truncate_prompt_tokens"),
}
KNOWN = {
    "chat/completions": frozenset(_WRITING | _CHAT),
    "completions": frozenset(_WRITING | {"prompt", "suffix", "echo", "best_of"}),
    "embeddings": frozenset(_EMBEDDING),
    "rerank": frozenset(_RERANKING),
    "moderations": frozenset({"model", "input", "user"}),
}
# What no deployment may let through: other words for the longest answer, which is
# always ours, and where and with which key the upstream is to go on.
NEVER = frozenset(
    [
        *("n_predict", "num_predict", "max_new_tokens", "max_length"),
        *("max_output_tokens", "max_gen_len", "max_tokens_to_sample"),
        *("api_base", "base_url", "api_key", "api_version", "api_type"),
        *("model_list", "fallbacks", "custom_llm_provider", "extra_headers"),
        *("extra_body", "extra_query", "headers", "num_retries", "timeout"),
    ]
)


def refuse_unknown(
    endpoint: str, payload: dict[str, Any], accepted: frozenset[str]
) -> None:
    """Raise ``APIError`` for a field that must not reach the model."""
    known = KNOWN[endpoint]
    for name in payload:
        if name not in known and (name in NEVER or name not in accepted):
            shown = name[:100]
            raise bad_request(f"`{shown}` is not accepted for this model.", shown)
    if payload.get("store"):
        # Where answers are kept is no business of a model's server.
        raise bad_request("Answers are not stored here: leave `store` out.", "store")
