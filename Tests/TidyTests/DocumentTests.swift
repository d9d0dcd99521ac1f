// Does a reader who starts at README.md reach every document, and does every link lead somewhere?

import Testing

@Suite struct DocumentTests {
    private static let documents = SourceTree.everything.filter { $0.path.hasSuffix(".md") }

    @Test func everyLinkLeadsSomewhere() {
        for document in Self.documents {
            for target in Self.links(document) {
                #expect(SourceTree.exists(target), "\(document.path) links to \(target)")
            }
        }
    }

    @Test func everyDocumentIsReached() {
        let byPath = Dictionary(uniqueKeysWithValues: Self.documents.map { ($0.path, $0) })
        var reached: Set<String> = ["README.md"]
        var waiting = ["README.md"]
        while let path = waiting.popLast(), let document = byPath[path] {
            for target in Self.links(document) where reached.insert(target).inserted { waiting.append(target) }
        }
        let folders = reached.filter { byPath[$0] == nil }
        for document in Self.documents where document.path.hasPrefix("docs/") {
            // A link to a folder shows the folder's files.
            let folder = document.path.split(separator: "/").dropLast().joined(separator: "/")
            #expect(
                reached.contains(document.path) || folders.contains(folder),
                "\(document.path) is not linked from README.md or what it links to")
        }
    }

    /// The files that a document links to, by their path from the root; links to the web and to headings are left out.
    static func links(_ document: SourceFile) -> [String] {
        let folder = document.path.split(separator: "/").dropLast().map(String.init)
        return prose(document).flatMap { $0.matches(of: /\]\(([^)\s]+)\)/) }.compactMap { match in
            let target = match.1.prefix { $0 != "#" }
            guard !target.isEmpty, !target.contains("://"), !target.hasPrefix("mailto:") else { return nil }
            var parts = folder
            for part in target.split(separator: "/") {
                if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(String(part)) }
            }
            return parts.joined(separator: "/")
        }
    }

    /// The lines outside of code blocks.
    private static func prose(_ document: SourceFile) -> [String] {
        var isCode = false
        return document.lines.filter { line in
            if line.drop(while: { $0 == " " }).hasPrefix("```") { isCode.toggle() }
            return !isCode
        }
    }

    @Test func readsLinks() {
        let text = "[a](b.md#part) and [c](../d/e.md), [web](https://x.y/z)\n```\n[no](code.md)\n```\n[f](#g)"
        #expect(Self.links(SourceFile(path: "docs/x/y.md", text: text)) == ["docs/x/b.md", "docs/d/e.md"])
    }
}
