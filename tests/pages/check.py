#!/usr/bin/env python3
"""Opens pages as readers do, in Chromium, and says what is wrong with them.

    tests/pages/check.py [--all] [--out DIRECTORY] PAGE.html ...

Each page is opened at 400, 800 and 1600 pixels, in the light and the dark scheme, with everything folded away and with
everything folded out, and once as it is printed. `check.js` says what is wrong with it as it lies then; errors of the
console are added. With --out the pictures are kept: DIRECTORY/NAME-WIDTH-SCHEME.png. Exit code 1 where anything is wrong.

Needs Python 3.9 or later, `chromium` and `chromedriver` (or their paths in CHROMIUM and CHROMEDRIVER); nothing else.
"""

import argparse
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

WIDTHS = (400, 800, 1600)
SCHEMES = ("light", "dark")
# A4 between margins of a centimetre, at 96 pixels to the inch.
PRINTED_WIDTH = 718
TALLEST_PICTURE = 16000
MOST_SHOWN = 20


class Browser:
    """A headless Chromium behind a chromedriver of its own."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="pages-")
        program = os.environ.get("CHROMEDRIVER", "chromedriver")
        self.driver = subprocess.Popen(
            [program, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        port = None
        while port is None:
            line = self.driver.stdout.readline()
            if not line:
                raise RuntimeError(f"{program} has ended")
            found = re.search(r"started successfully on port (\d+)", line)
            port = found and found.group(1)
        self.base = f"http://127.0.0.1:{port}"
        arguments = (
            "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
            f"--disable-component-update --disable-sync --hide-scrollbars --user-data-dir={self.profile}"
        ).split()
        options = {"args": arguments, "binary": os.environ.get("CHROMIUM", shutil.which("chromium"))}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{session['sessionId']}"

    def call(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(
            self.base + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()[:2000]) from error

    def devtools(self, command, **parameters):
        return self.call("POST", f"{self.session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def script(self, text):
        return self.call("POST", f"{self.session}/execute/sync", {"script": text, "args": []})

    def open(self, path, width, scheme, media="screen"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.devtools("Emulation.setEmulatedMedia", media=media, features=features)
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        self.call("POST", f"{self.session}/url", {"url": path.resolve().as_uri()})

    def console(self):
        """Errors and warnings since the last time."""
        entries = self.call("POST", f"{self.session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def picture(self, path, width):
        height = min(self.script("return document.documentElement.scrollHeight"), TALLEST_PICTURE)
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        answer = self.devtools("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(answer["data"]))

    def close(self):
        try:
            self.call("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait()
            shutil.rmtree(self.profile, ignore_errors=True)


def check(browser, page, out):
    """The faults of a page, each with the way of opening it."""
    rules = pathlib.Path(__file__).with_name("check.js").read_text()
    ways = [(width, scheme, "screen") for width in WIDTHS for scheme in SCHEMES]
    faults = []
    for width, scheme, media in ways + [(PRINTED_WIDTH, "dark", "print")]:
        browser.open(page, width, scheme, media)
        name = f"{width}-{scheme}" if media == "screen" else "print"
        found = browser.script(rules)
        if out:
            browser.picture(out / f"{page.stem}-{name}.png", width)
        if media == "print":
            bright = "return getComputedStyle(document.body).backgroundColor"
            if browser.script(bright) not in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"):
                found.append("the print has a dark background")
        else:
            browser.script("for (const fold of document.querySelectorAll('details')) fold.open = true")
            known = set(found)
            found += [f"{fault} (folded out)" for fault in browser.script(rules) if fault not in known]
        faults += [f"{name}: {fault}" for fault in found + browser.console()]
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pages", nargs="+", type=pathlib.Path, metavar="PAGE.html")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIRECTORY", help="where to keep the pictures")
    parser.add_argument("--all", action="store_true", help="show every fault, not only the first 20 of a page")
    arguments = parser.parse_args()
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
    browser, wrong = Browser(), 0
    try:
        for page in arguments.pages:
            if not page.is_file():
                sys.exit(f"{page} is not there")
            faults = check(browser, page, arguments.out)
            wrong += len(faults)
            for fault in faults if arguments.all else faults[:MOST_SHOWN]:
                print(f"{page}: {fault}")
            if len(faults) > MOST_SHOWN and not arguments.all:
                print(f"{page}: and {len(faults) - MOST_SHOWN} more (--all shows them)")
            if not faults:
                print(f"{page}: good")
    finally:
        browser.close()
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
