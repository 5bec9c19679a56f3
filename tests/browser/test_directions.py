"""What is written from right to left stands as its writer sees it."""

import pytest
from playwright.sync_api import Browser

from design.stylesheet import stylesheet

pytestmark = pytest.mark.browser

PAGE = """<style>{sheet}</style><body>
<div class="prose"><p id="text">שלום!</p><ul><li id="item">مرحبا (1)</li></ul></div>
<p id="line"><a href="#">שלום</a> 3 <a href="#">עולם</a></p>
<p id="plain">Hello!</p></body>"""
# Where, from the left, a range of characters of a node begins.
LEFT = """([id, from, to]) => {
  const walker = document.createTreeWalker(
    document.getElementById(id), NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  let seen = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (from < seen + node.length) {
      range.setStart(node, from - seen);
      range.setEnd(node, to - seen);
      return range.getBoundingClientRect().left;
    }
    seen += node.length;
  }
}"""


def test_a_text_has_the_direction_of_its_first_letter(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(PAGE.format(sheet=stylesheet().text.decode()))

    def left(name: str, start: int, end: int) -> float:
        return float(page.evaluate(LEFT, [name, start, end]))

    # The sign that ends a sentence is at its end: on the left, where Hebrew ends.
    assert left("text", 4, 5) < left("text", 0, 1)
    assert left("item", 8, 9) < left("item", 6, 7)
    assert left("plain", 5, 6) > left("plain", 0, 1)
    # Two links with a number between them keep their order.
    assert left("line", 0, 4) < left("line", 5, 6) < left("line", 7, 11)
    page.close()
