"""PostgreSQL, Redis, the cache and Celery."""

from config import env

# A pool serves the threads of the web process; workers keep one connection.
DATABASE_POOL = env.boolean("DATABASE_POOL")
# How many seconds a process waits for the first word of PostgreSQL or Redis, and as
# long again before it says that nobody is there. A page waits one second for each of
# them; commands, jobs and tests wait for a machine that is busy, and are still done
# before the ten seconds are over in which the product is back after an outage.
STORE_SILENCE = 0.5 if DATABASE_POOL else 4.0
DATABASES = {
    "default": {
        **env.database("DATABASE_URL"),
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 0 if DATABASE_POOL else 600,
        "OPTIONS": {
            "application_name": env.text("APPLICATION_NAME", "doorstone"),
            # Two seconds are the least libpq knows. A request waits for the pool
            # instead, and never longer than a second for a server that is away.
            "connect_timeout": max(2, int(STORE_SILENCE)),
            # A peer that vanished without a word is noticed within about ten seconds.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            # Nobody waits longer than this for a page; jobs may.
            "options": env.text(
                "DATABASE_SESSION",
                "-c statement_timeout=5s -c lock_timeout=3s"
                " -c idle_in_transaction_session_timeout=10s"
                if DATABASE_POOL
                else "-c statement_timeout=15s -c lock_timeout=5s"
                " -c idle_in_transaction_session_timeout=30s",
            ),
            **(
                {
                    "pool": {
                        "min_size": 2,
                        "max_size": env.integer("DATABASE_POOL_SIZE", 10),
                    }
                }
                if DATABASE_POOL
                else {}
            ),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")
REDIS_CACHE_URL = env.text("REDIS_CACHE_URL", REDIS_URL)
REDIS_BROKER_URL = env.text("REDIS_BROKER_URL", REDIS_URL)
# Separates installations (and test workers) that share one Redis.
REDIS_PREFIX = env.text("REDIS_PREFIX", "ds:")

CACHES = {
    "default": {
        "BACKEND": "stores.cache.ForgivingRedisCache",
        "LOCATION": REDIS_CACHE_URL,
        "KEY_PREFIX": f"{REDIS_PREFIX}cache",
    }
}

CELERY_BROKER_URL = REDIS_BROKER_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "default"
# Tasks work in batches of seconds: one that goes on for five minutes hangs.
CELERY_TASK_TIME_LIMIT = 300
# It has half a minute to end by itself before it is killed.
CELERY_TASK_SOFT_TIME_LIMIT = 270
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Waiting costs nothing, giving up costs a restart.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{REDIS_PREFIX}celery:",
    "visibility_timeout": 600,
    # Without these two a killed worker's task waits for about 100 seconds.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # A worker's: requests publish over connections of their own (stores.nudging).
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}
CELERY_TASK_ROUTES = {
    "notifications.tasks.*": {"queue": "mail"},
    "billing.*": {"queue": "billing"},
    "inference.usage.*": {"queue": "usage"},
}
