"""The nodes and the pages of one case, and what went wrong on the pages without being looked for."""

import pathlib
from urllib.parse import urlsplit

from node import Node
from playwright.sync_api import Browser, Page, expect

PAGE_SECONDS = 15
FEDERATION = {"federation.network": "regtest", "federation.size": 4}


class Lab:
    def __init__(self, binary: pathlib.Path, browser: Browser, folder: pathlib.Path, pictures: pathlib.Path | None):
        self._binary, self._browser, self._pictures, self.folder = binary, browser, pictures, folder
        self.nodes: list[Node] = []
        self._contexts: list = []
        self.complaints: list[str] = []

    def node(self, name: str, settings: dict | None = None) -> Node:
        return self.adopt(Node(self._binary, self.folder, name, settings)).wait_ready()

    def adopt(self, node: Node) -> Node:
        """Ends it with the others."""
        self.nodes.append(node)
        return node

    def federation(self, *names: str) -> list[Node]:
        """Nodes that agree with one another; the first has the others as its members."""
        nodes = [self.node(name, FEDERATION) for name in names]
        for other in nodes[1:]:
            other.know(nodes[0], nodes[0].name)
        for other in nodes[1:]:
            nodes[0].pin(other, other.name)
        return nodes

    def page(self, node: Node, path: str = "", live: bool = True, **options) -> Page:
        """The status page of the node, in a window of its own. What it must not do is collected in `complaints`."""
        context = self._browser.new_context(**{"viewport": {"width": 1360, "height": 1000}} | options)
        self._contexts.append(context)
        context.set_default_timeout(PAGE_SECONDS * 1_000)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"error on the page: {error}"))
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("request", lambda request: self._asked(node, request.url))
        page.on("dialog", lambda dialog: (self.complaints.append(f"the page opened {dialog.message!r}"), dialog.dismiss()))
        # Violations that a page causes in a moment are told to the document, and some to the console only later.
        page.add_init_script(
            "window.violations = [];"
            "document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective));"
        )
        page.goto(node.url + path)
        if live:
            expect(page.locator("#link")).to_have_text("live")
        return page

    def _heard(self, kind: str, text: str):
        # An answer that is an error is one to the browser, whatever the page does about it.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.complaints.append(f"on the console: {text}")

    def _asked(self, node: Node, url: str):
        parts = urlsplit(url)
        if parts.scheme not in ("data", "about") and f"{parts.scheme}://{parts.netloc}/" != node.url:
            self.complaints.append(f"the page asked {url}")

    def picture(self, page: Page, name: str):
        if self._pictures is None:
            return
        self._pictures.mkdir(parents=True, exist_ok=True)
        # The bar at the top would lie in the middle of a picture of the whole page.
        height = page.evaluate("document.documentElement.scrollHeight")
        size = page.viewport_size
        page.set_viewport_size({"width": size["width"], "height": min(height + 10, 6_000)})
        page.wait_for_timeout(300)
        page.screenshot(path=self._pictures / f"{name}.png", timeout=60_000)
        page.set_viewport_size(size)

    def check(self):
        """After the case: the pages did nothing that they must not."""
        for context in self._contexts:
            for page in context.pages:
                for directive in page.evaluate("window.violations"):
                    self.complaints.append(f"the content security policy was violated: {directive}")
        if self.complaints:
            raise AssertionError("; ".join(self.complaints[:5]))

    def last_words(self) -> str:
        return "\n".join(f"--- {node.name}\n{node.last_words(6)}" for node in self.nodes)

    def close(self):
        for context in self._contexts:
            for page in context.pages:
                # An answer that a case changes may be under way.
                page.unroute_all(behavior="ignoreErrors")
            context.close()
        for node in self.nodes:
            if node.running():
                node.thaw()
            node.stop()
