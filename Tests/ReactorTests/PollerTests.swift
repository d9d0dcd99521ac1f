// Does the poller report changes, each once, and can late reports be told apart?
import Testing

@testable import Reactor

@Suite struct PollerTests {
    private let token = Token(kind: 1, index: 5, generation: 9)

    @Test func reportsWhatIsTrueAlreadyOnce() throws {
        try withPair { one, _ in
            let poller = try Poller()
            #expect(poller.add(one, token) == nil)
            #expect(poller.wait(milliseconds: 0) == 1)
            let event = poller.event(0)
            #expect(event.token == token)
            #expect(event.isWritable)
            #expect(!event.isReadable)
            #expect(!event.isPeerClosed)
            #expect(!event.isHangup)
            #expect(poller.wait(milliseconds: 0) == 0)
        }
    }

    @Test func bytesThatStayUnreadAreNotReportedAgain() throws {
        try withPair { one, other in
            let poller = try Poller()
            #expect(poller.add(one, token) == nil)
            _ = poller.wait(milliseconds: 0)
            #expect(Socket.send([1, 2, 3].span, to: other) == .all)
            waitFor(poller, token) { $0.isReadable }
            #expect(poller.wait(milliseconds: 0) == 0)
            #expect(Socket.send([4].span, to: other) == .all)
            waitFor(poller, token) { $0.isReadable }
            #expect(drain(one) == [1, 2, 3, 4])
        }
    }

    @Test func roomToSendIsReportedAfterAPartialSend() throws {
        try withPair { one, other in
            let poller = try Poller()
            shrinkSendBuffer(one)
            #expect(poller.add(one, token) == nil)
            _ = fill(one)
            _ = poller.wait(milliseconds: 0)
            #expect(poller.wait(milliseconds: 0) == 0)
            _ = drain(other)
            waitFor(poller, token) { $0.isWritable }
            #expect(Socket.send([1].span, to: one) == .all)
        }
    }

    @Test func theEndOfTheStreamIsReported() throws {
        try withPair { one, other in
            let poller = try Poller()
            #expect(poller.add(one, token) == nil)
            #expect(Socket.send([1].span, to: other) == .all)
            #expect(Socket.finishSending(other) == nil)
            let event = waitFor(poller, token) { $0.isPeerClosed }
            #expect(event?.isReadable == true)
            let buffer = ReadBuffer()
            #expect(buffer.receive(from: one) == .bytes(1))
            #expect(buffer.receive(from: one) == .closed)
        }
    }

    @Test func bothDirectionsOver() throws {
        let (one, other) = try Socket.pair()
        defer { Socket.close(one) }
        let poller = try Poller()
        #expect(poller.add(one, token) == nil)
        Socket.close(other)
        let event = waitFor(poller, token) { $0.isHangup }
        #expect(event?.isReadable == true)
        #expect(event?.isWritable == true)
    }

    @Test func aClosedDescriptorIsForgotten() throws {
        let (one, other) = try Socket.pair()
        defer { Socket.close(other) }
        let poller = try Poller()
        #expect(poller.add(one, token) == nil)
        Socket.close(one)
        #expect(poller.wait(milliseconds: 0) == 0)
    }

    /// Two events in one batch: the owner of the first closes the second, whose descriptor number and slot are then
    /// reused before its event is looked at.
    @Test func aLateEventOfAReusedDescriptorIsToldApart() async {
        await #expect(processExitsWith: .success) {
            // The lowest free number is reused, unless another thread of the test library was faster: try again then.
            for _ in 0..<100 {
                if try replaceWithinABatch() { return }
            }
            Issue.record("the number was never reused")
        }
    }

    @Test func aConnectionMovesToAnotherPollerWithItsUnreadBytes() throws {
        try withPair { one, other in
            let from = try Poller()
            let to = try Poller()
            #expect(from.add(one, token) == nil)
            #expect(Socket.send([1].span, to: other) == .all)
            waitFor(from, token) { $0.isReadable }
            #expect(from.remove(one) == nil)
            let newToken = Token(kind: 2, index: 6, generation: 1)
            #expect(to.add(one, newToken) == nil)
            waitFor(to, newToken) { $0.isReadable }
            #expect(Socket.send([2].span, to: other) == .all)
            waitFor(to, newToken) { $0.isReadable }
            #expect(from.wait(milliseconds: 0) == 0)
        }
    }

    @Test func registeringTwiceAndRemovingStrangersAreErrors() throws {
        try withPair { one, other in
            let poller = try Poller()
            #expect(poller.add(one, token) == nil)
            #expect(poller.add(one, token) != nil)
            #expect(poller.remove(other) == .noSuchFile)
        }
    }

    @Test func moreEventsThanABatchHoldsComeLater() throws {
        let poller = try Poller(batch: 4)
        var pairs: [(Descriptor, Descriptor)] = []
        defer { for (one, other) in pairs { [one, other].forEach(Socket.close) } }
        for index in 0..<10 {
            let pair = try Socket.pair()
            pairs.append(pair)
            #expect(poller.add(pair.0, Token(kind: 0, index: UInt32(index), generation: 0)) == nil)
        }
        var seen: Set<Int> = []
        var sizes: [Int] = []
        for _ in 0..<4 {
            let count = poller.wait(milliseconds: 0)
            sizes.append(count)
            for index in 0..<count { seen.insert(poller.event(index).token.index) }
        }
        #expect(sizes == [4, 4, 2, 0])
        #expect(seen == Set(0..<10))
    }

    @Test func waitingEndsWhenTheTimeIsOver() throws {
        let poller = try Poller()
        let start = MonotonicClock.now()
        #expect(poller.wait(milliseconds: 20) == 0)
        #expect(MonotonicClock.now() - start >= 19_000_000)
    }
}

/// Plays the scenario once; false when the new descriptor has another number.
private func replaceWithinABatch() throws -> Bool {
    let poller = try Poller()
    var table = TokenTable()
    let (first, firstPeer) = try Socket.pair()
    let (second, secondPeer) = try Socket.pair()
    let firstToken = table.open(kind: 1)
    let secondToken = table.open(kind: 1)
    #expect(poller.add(first, firstToken) == nil)
    #expect(poller.add(second, secondToken) == nil)
    #expect(poller.wait(milliseconds: 1000) == 2)

    table.close(secondToken)
    Socket.close(second)
    let (third, thirdPeer) = try Socket.pair()
    defer { [first, firstPeer, secondPeer, third, thirdPeer].forEach(Socket.close) }
    guard third == second else { return false }
    let thirdToken = table.open(kind: 1)
    #expect(thirdToken.index == secondToken.index, "the slot closed last is reused")
    #expect(poller.add(third, thirdToken) == nil)

    let late = poller.event(1)
    #expect(late.token == secondToken)
    #expect(!table.isCurrent(late.token))
    #expect(table.isCurrent(poller.event(0).token))
    #expect(poller.wait(milliseconds: 1000) == 1)
    #expect(poller.event(0).token == thirdToken)
    #expect(table.isCurrent(thirdToken))
    return true
}
