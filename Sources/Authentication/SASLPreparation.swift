// Which bytes of a password does SCRAM use (RFC 4013, as PostgreSQL applies it)?

internal import Foundation

/// Passwords as SCRAM uses them.
enum SASLPreparation {
    /// The prepared password; the password itself if it is ASCII, is not UTF-8, or contains what may not be prepared.
    static func prepare(_ password: [UInt8]) -> [UInt8] {
        if password.allSatisfy({ $0 < 128 }) { return password }
        guard let text = String(validating: password, as: UTF8.self) else { return password }
        var mapped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if contains(nonASCIISpaces, scalar) {
                mapped.append(" ")
            } else if !contains(mappedToNothing, scalar) {
                mapped.append(scalar)
            }
        }
        // RFC 4013 asks this of the normalized text, PostgreSQL of the text before; both must derive the same keys.
        guard !mapped.isEmpty, isAllowed(mapped) else { return password }
        // Normalization form KC.
        return Array(String(mapped).precomposedStringWithCompatibilityMapping.utf8)
    }

    private static func isAllowed(_ scalars: String.UnicodeScalarView) -> Bool {
        for scalar in scalars {
            // Unassigned in Unicode 3.2 (table A.1), or prohibited.
            guard let age = scalar.properties.age, (age.major, age.minor) <= (3, 2) else { return false }
            if contains(prohibited, scalar) { return false }
        }
        // Text that runs from right to left begins and ends so, and nothing in it runs from left to right.
        guard scalars.contains(where: { contains(WritingDirection.rightToLeft, $0) }) else { return true }
        guard let first = scalars.first, let last = scalars.last else { return true }
        return contains(WritingDirection.rightToLeft, first) && contains(WritingDirection.rightToLeft, last)
            && !scalars.contains(where: { contains(WritingDirection.leftToRight, $0) })
    }

    /// Whether one of the ascending ranges has the character.
    private static func contains(_ ranges: [ClosedRange<UInt32>], _ scalar: Unicode.Scalar) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if scalar.value > ranges[middle].upperBound { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(scalar.value)
    }

    /// RFC 3454, table C.1.2.
    private static let nonASCIISpaces: [ClosedRange<UInt32>] = [
        0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200B, 0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000,
    ]

    /// RFC 3454, table B.1.
    private static let mappedToNothing: [ClosedRange<UInt32>] = [
        0xAD...0xAD, 0x34F...0x34F, 0x1806...0x1806, 0x180B...0x180D, 0x200B...0x200D, 0x2060...0x2060,
        0xFE00...0xFE0F, 0xFEFF...0xFEFF,
    ]

    /// RFC 3454, tables C.1.2 to C.9, those that RFC 4013 names.
    private static let prohibited: [ClosedRange<UInt32>] = [
        0x0...0x1F, 0x7F...0xA0, 0x340...0x341, 0x6DD...0x6DD, 0x70F...0x70F, 0x1680...0x1680, 0x180E...0x180E,
        0x2000...0x200F, 0x2028...0x202F, 0x205F...0x2063, 0x206A...0x206F, 0x2FF0...0x2FFB, 0x3000...0x3000,
        0xD800...0xF8FF, 0xFDD0...0xFDEF, 0xFEFF...0xFEFF, 0xFFF9...0xFFFF, 0x1D173...0x1D17A, 0x1FFFE...0x1FFFF,
        0x2FFFE...0x2FFFF, 0x3FFFE...0x3FFFF, 0x4FFFE...0x4FFFF, 0x5FFFE...0x5FFFF, 0x6FFFE...0x6FFFF,
        0x7FFFE...0x7FFFF, 0x8FFFE...0x8FFFF, 0x9FFFE...0x9FFFF, 0xAFFFE...0xAFFFF, 0xBFFFE...0xBFFFF,
        0xCFFFE...0xCFFFF, 0xDFFFE...0xDFFFF, 0xE0001...0xE0001, 0xE0020...0xE007F, 0xEFFFE...0x10FFFF,
    ]
}
