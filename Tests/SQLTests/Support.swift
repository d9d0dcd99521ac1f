// How do the tests of this target ask for a verdict?

import SQL

func classify(_ sql: String, _ settings: LexerSettings = LexerSettings()) -> Classification {
    let bytes = Array(sql.utf8)
    return Classifier.classify(bytes.span, settings: settings)
}

/// The bytes of a range of `sql` as text.
func slice(_ sql: String, _ range: Range<Int>) -> String {
    String(decoding: Array(sql.utf8)[range], as: UTF8.self)
}

/// One statement per line; blank lines and lines that begin with `#` do not count.
func lines(_ text: String) -> [String] {
    text.split(separator: "\n").map { $0.trimmingBlanks() }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
}

extension Substring {
    fileprivate func trimmingBlanks() -> String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
