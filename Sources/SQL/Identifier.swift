// What name does a token stand for?

/// Names as PostgreSQL understands them.
public enum Identifier {
    /// The name that `token` stands for: folded to lower case (ASCII) unless quoted, quotes removed. Dotted names keep
    /// their dots; several words are joined by one space.
    public static func value(of token: Span<UInt8>) -> [UInt8] {
        var name: [UInt8] = []
        name.reserveCapacity(token.count)
        var isQuoted = false
        var index = 0
        while index < token.count {
            let byte = token[index]
            if byte == 0x22 {
                if isQuoted && index + 1 < token.count && token[index + 1] == 0x22 {
                    name.append(byte)
                    index += 1
                } else {
                    isQuoted.toggle()
                }
            } else {
                name.append(!isQuoted && byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte)
            }
            index += 1
        }
        return name
    }

    /// The parameter that the name of a SET, RESET or SHOW stands for: `TIME ZONE` is `timezone`, and so on.
    public static func settingName(of token: Span<UInt8>) -> [UInt8] {
        value(of: token)
    }
}
