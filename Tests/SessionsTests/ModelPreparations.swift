// Which statements does a model server have from SQL, and what do EXECUTE and DEALLOCATE make of them?

extension ModelServer {
    func executed(by text: String) -> String? {
        text.hasPrefix("EXECUTE ") ? statements[String(text.dropFirst(8))]?.text : nil
    }

    /// `PREPARE name AS text`.
    mutating func prepare(_ text: String) -> String? {
        let words = text.split(separator: " ", maxSplits: 3).map(String.init)
        guard statements[words[1]] == nil else {
            fail("42P05", "prepared statement \"\(words[1])\" already exists")
            return nil
        }
        statements[words[1]] = (words[3], column)
        preparations[words[1]] = text
        return "PREPARE"
    }

    var inspectedStatements: [(name: String, preparation: String?)] {
        statements.keys.map { ($0, preparations[$0]) }
    }

    mutating func deallocate(_ name: String) -> String? {
        if name == "ALL" {
            statements = [:]
            return "DEALLOCATE ALL"
        }
        guard statements.removeValue(forKey: name) != nil else {
            fail("26000", missing(name))
            return nil
        }
        return "DEALLOCATE"
    }
}
