// Which known name did a person probably mean?

enum Suggestion {
    /// The known name nearest to `name`, if it is near enough to be a slip of the keyboard, or the only one of which
    /// `name` is a shorter or longer form.
    static func nearest(to name: String, among known: some Collection<String>) -> String? {
        let limit = max(1, min(4, name.count / 3))
        var best: (name: String, distance: Int)?
        for candidate in known {
            let distance = distance(Array(name.lowercased()), Array(candidate.lowercased()))
            guard distance <= limit else { continue }
            if let current = best, (current.distance, current.name) <= (distance, candidate) { continue }
            best = (candidate, distance)
        }
        if let best { return best.name }
        let forms = known.filter { isForm(name, of: $0) || isForm($0, of: name) }
        return forms.count == 1 ? forms.first : nil
    }

    private static func isForm(_ short: String, of long: String) -> Bool {
        short.count >= 3 && long.lowercased().hasPrefix(short.lowercased())
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
    static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            row.reserveCapacity(b.count + 1)
            for j in b.indices {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    cost = min(cost, beforeLast[j - 1] + 1)
                }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
