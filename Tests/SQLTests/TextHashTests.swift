// Does the hash of statement texts tell texts apart?

import SQL
import Testing

@Suite struct TextHashTests {
    private func hash(_ text: String) -> UInt64 {
        let bytes = Array(text.utf8)
        return TextHash.hash(bytes.span)
    }

    @Test func equalTextsHaveEqualHashes() {
        #expect(hash("SELECT 1") == hash("SELECT 1"))
        #expect(hash("") == hash(""))
    }

    @Test func neighboursDiffer() {
        var seen: Set<UInt64> = []
        var count = 0
        for length in 0..<70 {
            let zeros = [UInt8](repeating: 0, count: length)
            seen.insert(TextHash.hash(zeros.span))
            count += 1
            for index in 0..<length {
                for bit in 0..<8 {
                    var bytes = zeros
                    bytes[index] = 1 << bit
                    seen.insert(TextHash.hash(bytes.span))
                    count += 1
                }
            }
        }
        for number in 0..<20_000 {
            seen.insert(hash("SELECT abalance FROM pgbench_accounts WHERE aid = \(number);"))
            count += 1
        }
        #expect(seen.count == count)
    }

    @Test func bitsAreSpread() {
        var ones = [Int](repeating: 0, count: 64)
        let samples = 4096
        for number in 0..<samples {
            let value = hash("SELECT \(number)")
            for bit in 0..<64 where value >> UInt64(bit) & 1 == 1 { ones[bit] += 1 }
        }
        for bit in 0..<64 {
            #expect(abs(ones[bit] - samples / 2) < samples / 10, "bit \(bit): \(ones[bit])")
        }
    }
}
