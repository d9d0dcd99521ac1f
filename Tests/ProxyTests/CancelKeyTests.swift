// Does a cancel key lead back to the client that it was given to?

import Testing

@testable import Proxy

@Suite struct CancelKeyTests {
    @Test(arguments: [(0, 0, 0), (0, 63, 1), (31, 63, 1_048_574), (1, 5, 77)])
    func thereAndBack(_ peer: Int, _ worker: Int, _ slot: Int) {
        let key = CancelKey(peer: peer, worker: worker, slot: slot)
        #expect(key.processID > 0)
        #expect(CancelKey(processID: key.processID) == key)
    }

    @Test func numbersOfNobody() {
        #expect(CancelKey(processID: 0).slot == -1)
        #expect(CancelKey(processID: -1).peer > CancelKey.peerLimit)
        let (first, beyond) = (CancelKey(peer: 0, worker: 0, slot: 0), CancelKey(peer: 0, worker: 0, slot: 1 << 20))
        #expect(first.processID == beyond.processID)
    }

    @Test func secretsOfBothLengths() {
        #expect(CancelSecret.short(0x0102_0304).bytes == [1, 2, 3, 4])
        #expect(CancelSecret.random().bytes.count == 4)
        #expect(CancelSecret.randomLong().bytes.count == 32)
        #expect(Set((0..<100).map { _ in CancelSecret.random().bytes }).count > 90)
    }

    @Test func forwardedSecrets() {
        let secret: [UInt8] = [1, 2, 3, 4]
        #expect(CancelKey.secret(ofForwarded: secret) == nil)
        #expect(CancelKey.secret(ofForwarded: Array("peer".utf8)) == nil)
        #expect(CancelKey.secret(ofForwarded: CancelKey.forwarded(secret)) == secret)
    }
}
