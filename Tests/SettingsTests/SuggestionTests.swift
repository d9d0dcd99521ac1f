// Does a slip of the keyboard lead to the key that was meant, and nothing else to a wild guess?

import Testing

@testable import Settings

@Suite struct SuggestionTests {
    static let distances: [(String, String, Int)] = [
        ("", "", 0), ("a", "", 1), ("", "abc", 3), ("port", "port", 0), ("prot", "port", 1), ("por", "port", 1),
        ("poort", "port", 1), ("part", "port", 1), ("kitten", "sitting", 3), ("abcd", "badc", 2),
    ]

    @Test(arguments: distances) func distance(_ a: String, _ b: String, _ expected: Int) {
        #expect(Suggestion.distance(Array(a), Array(b)) == expected)
        #expect(Suggestion.distance(Array(b), Array(a)) == expected)
    }

    static let names: [(String, String?)] = [
        ("prot", "port"), ("Port", "port"), ("writer-port", "writer_port"), ("readerport", "reader_port"),
        ("unix_socket_directory", "unix_socket_dir"), ("unix_socket_dri", "unix_socket_dir"), ("x", nil),
        ("addresse", "addresses"),
        ("banana", nil), ("reader", "reader_port"), ("addr", "addresses"),
    ]

    @Test(arguments: names) func nearest(_ name: String, _ expected: String?) {
        #expect(Suggestion.nearest(to: name, among: Section.listen.keys) == expected)
    }
}
