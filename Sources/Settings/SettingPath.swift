// How is a place in the settings file named?

/// The way from the top of the file to one setting: `clusters.main.nodes[2].weight`.
public struct SettingPath: Hashable, Sendable, CustomStringConvertible {
    enum Part: Hashable, Sendable {
        case key(String)
        /// Counted from 0.
        case index(Int)
    }

    private(set) var parts: [Part]

    init(_ keys: String...) {
        parts = keys.map(Part.key)
    }

    func appending(_ key: String) -> SettingPath {
        appending(.key(key))
    }

    func appending(_ index: Int) -> SettingPath {
        appending(.index(index))
    }

    private func appending(_ part: Part) -> SettingPath {
        var result = self
        result.parts.append(part)
        return result
    }

    /// The table or array around it; nil at the top.
    var enclosing: SettingPath? {
        guard !parts.isEmpty else { return nil }
        var result = self
        result.parts.removeLast()
        return result
    }

    public var description: String {
        var text = ""
        for part in parts {
            switch part {
            case .key(let key):
                if !text.isEmpty { text += "." }
                text += Self.isBare(key) ? key : "\"\(printable(key))\""
            case .index(let index):
                text += "[\(index)]"
            }
        }
        return text
    }

    /// Whether TOML takes the key without quotes.
    private static func isBare(_ key: String) -> Bool {
        !key.isEmpty && key.utf8.allSatisfy(isBareKeyByte)
    }
}

/// Whether a byte may stand in a TOML key without quotes.
func isBareKeyByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
    default:
        false
    }
}
