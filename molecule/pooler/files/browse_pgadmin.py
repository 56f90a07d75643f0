"""Do in a real browser what a developer does: log in to pgAdmin, open the server, look at the rows of a table.

Runs on the machine, with Debian's Chromium. On standard input, as JSON: url, email, password, path (the nodes of the
tree to open, from the outermost on), table, folder for pictures. Prints as JSON what was seen.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 90
PATIENCE = 10.0  # until a double click has done what it does
IGNORED = [StaleElementReferenceException, ElementClickInterceptedException]
# A node of the tree by its depth and its text, which may end with how many there are in it.
NODE = (
    "//*[contains(@class, 'file-entry')][@data-depth='{depth}']"
    "[.//span[contains(@class, 'file-name')]"
    "[normalize-space(.)='{name}' or starts-with(normalize-space(.), '{name} (')]]"
)
ROWS = ".rdg-row"


def start_browser() -> webdriver.Chrome:
    """Chromium without a screen. Its own sandbox needs what a container does not have."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1600,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "SEVERE"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


class Page:
    """A page of pgAdmin in the browser."""

    def __init__(self, browser: webdriver.Chrome, folder: Path) -> None:
        self.browser = browser
        self.folder = folder

    def wait(self, look: Any, what: str) -> Any:
        """Wait for something to be there; a picture and a sentence if it does not come."""
        waiting = WebDriverWait(self.browser, SECONDS, 0.5, ignored_exceptions=IGNORED)
        try:
            return waiting.until(look)
        except TimeoutException:
            self.browser.save_screenshot(str(self.folder / "failed.png"))
            self.browser.switch_to.default_content()
            text = self.browser.find_element(By.TAG_NAME, "body").text[-1500:]
            raise SystemExit(f"not seen within {SECONDS} s: {what}; the page says: {text}") from None

    def find(self, how: str, which: str, what: str) -> Any:
        """Wait for an element that can be seen."""
        return self.wait(
            lambda browser: next((one for one in browser.find_elements(how, which) if one.is_displayed()), None), what
        )

    def click(self, how: str, which: str, what: str) -> None:
        """Click on an element once it takes that; pgAdmin draws its own anew while it loads."""

        def try_it(browser: webdriver.Chrome) -> bool:
            for one in browser.find_elements(how, which):
                if one.is_displayed() and one.is_enabled():
                    one.click()
                    return True
            return False

        self.wait(try_it, what)

    def log_in(self, email: str, password: str) -> None:
        """Fill in the form that whoever is not logged in is shown."""
        self.find(By.NAME, "email", "the form to log in").send_keys(email)
        self.find(By.NAME, "password", "the field for the password").send_keys(password)
        self.click(By.XPATH, "//button[@name='internal_button' or contains(., 'Login')]", "the button")

    def open(self, depth: int, name: str, child: str) -> None:
        """Open a node of the tree until its child is there; pgAdmin connects and loads what is in it.

        One that is shown as open and has nothing in it is closed first: pgAdmin was busy restoring the last session.
        """
        clicked = [0.0]

        def try_it(browser: webdriver.Chrome) -> bool:
            if browser.find_elements(By.XPATH, NODE.format(depth=depth + 1, name=child)):
                return True
            nodes = browser.find_elements(By.XPATH, NODE.format(depth=depth, name=name))
            if nodes and time.monotonic() > clicked[0] + PATIENCE:
                clicked[0] = time.monotonic()
                ActionChains(browser).double_click(nodes[0]).perform()
            return False

        self.wait(try_it, f"{child} in {name} in the tree")

    def enter_frame_with_rows(self, browser: webdriver.Chrome) -> bool:
        """A table of data has a frame of its own."""
        browser.switch_to.default_content()
        for frame in browser.find_elements(By.TAG_NAME, "iframe"):
            if not frame.is_displayed():
                continue
            browser.switch_to.frame(frame)
            if any(row.text for row in browser.find_elements(By.CSS_SELECTOR, ROWS)):
                return True
            browser.switch_to.default_content()
        return False

    def show_rows(self, depth: int, table: str) -> list[list[str]]:
        """The rows that pgAdmin shows of a table."""
        self.click(By.XPATH, NODE.format(depth=depth, name=table), f"table {table} in the tree")
        button = "//button[contains(@aria-label, 'All Rows') or contains(@title, 'All Rows') or @data-label='All Rows']"
        self.click(By.XPATH, button, "the button that shows rows")
        self.wait(self.enter_frame_with_rows, f"rows of {table}")
        rows = self.browser.find_elements(By.CSS_SELECTOR, ROWS)
        cells = [[cell.text for cell in row.find_elements(By.CSS_SELECTOR, "[role=gridcell]")] for row in rows]
        return [row for row in cells if any(row)]


def look(asked: dict[str, Any], browser: webdriver.Chrome) -> dict[str, Any]:
    """All of it, in order."""
    page = Page(browser, Path(asked["folder"]))
    browser.get(asked["url"])
    page.find(By.NAME, "email", "the form to log in")
    before = browser.current_url
    page.log_in(asked["email"], asked["password"])
    nodes = [*asked["path"], asked["table"]]
    for depth, (name, child) in enumerate(pairwise(nodes), start=1):
        page.open(depth, name, child)
    browser.save_screenshot(str(page.folder / "tree.png"))
    asked_for_password = [
        one for one in browser.find_elements(By.CSS_SELECTOR, "input[type=password]") if one.is_displayed()
    ]
    rows = page.show_rows(len(nodes), asked["table"])
    browser.save_screenshot(str(page.folder / "rows.png"))
    headings = [one.text for one in browser.find_elements(By.CSS_SELECTOR, "[role=columnheader]")]
    return {
        "login": before,
        "title": browser.title,
        "passwords_asked": len(asked_for_password),
        "headings": [heading for heading in headings if heading],
        "rows": rows,
    }


def main() -> None:
    """Print what was seen."""
    asked = json.load(sys.stdin)
    browser = start_browser()
    try:
        print(json.dumps(look(asked, browser)))  # noqa: T201
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
