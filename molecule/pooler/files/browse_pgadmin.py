"""Do in a real browser what a developer does: log in to pgAdmin, open the server, look at the rows of a table.

Runs on the machine, with Debian's Chromium. On standard input, as JSON: url, email, password, path (the nodes of the tree
to open, from the outermost on), table, folder for pictures. Prints as JSON what was seen.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 90
# A node of the tree by its depth and its text, which may end with how many there are in it.
NODE = (
    "//*[contains(@class, 'file-entry')][@data-depth='{depth}']"
    "[.//span[contains(@class, 'file-name')][normalize-space(.)='{name}' or starts-with(normalize-space(.), '{name} (')]]"
)
ROWS = ".rdg-row, [role=row][aria-rowindex]"


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
        waiting = WebDriverWait(self.browser, SECONDS, 0.5, ignored_exceptions=[StaleElementReferenceException])
        try:
            return waiting.until(look)
        except TimeoutException:
            self.browser.save_screenshot(str(self.folder / "failed.png"))
            text = self.browser.find_element(By.TAG_NAME, "body").text[-1500:]
            raise SystemExit(f"not seen within {SECONDS} s: {what}; the page says: {text}") from None

    def find(self, how: str, which: str, what: str) -> Any:
        """Wait for an element that can be seen."""
        return self.wait(
            lambda browser: next((one for one in browser.find_elements(how, which) if one.is_displayed()), None), what
        )

    def log_in(self, email: str, password: str) -> None:
        """Fill in the form that whoever is not logged in is shown."""
        self.find(By.NAME, "email", "the form to log in").send_keys(email)
        self.find(By.NAME, "password", "the field for the password").send_keys(password)
        self.find(By.XPATH, "//button[@name='internal_button' or contains(., 'Login')]", "the button").click()

    def node(self, depth: int, name: str) -> Any:
        """A node of the tree."""
        return self.find(By.XPATH, NODE.format(depth=depth, name=name), f"{name} in the tree")

    def open(self, depth: int, name: str) -> None:
        """Open a node of the tree; pgAdmin loads what is in it, and connects where it has to."""
        if "directory-toggle open" not in (self.node(depth, name).get_attribute("innerHTML") or ""):
            ActionChains(self.browser).double_click(self.node(depth, name)).perform()

    def show_rows(self, depth: int, table: str) -> list[list[str]]:
        """The rows that pgAdmin shows of a table."""
        self.node(depth, table).click()
        button = "//button[contains(@aria-label, 'All Rows') or contains(@title, 'All Rows') or @data-label='All Rows']"
        self.find(By.XPATH, button, "the button that shows rows").click()
        self.wait(lambda browser: browser.find_elements(By.CSS_SELECTOR, ROWS), f"rows of {table}")
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
    for depth, name in enumerate(asked["path"], start=1):
        page.open(depth, name)
    browser.save_screenshot(str(page.folder / "tree.png"))
    asked_for_password = [
        one for one in browser.find_elements(By.CSS_SELECTOR, "input[type=password]") if one.is_displayed()
    ]
    rows = page.show_rows(len(asked["path"]) + 1, asked["table"])
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
