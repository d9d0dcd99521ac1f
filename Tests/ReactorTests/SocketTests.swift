// Are the outcomes of sending, receiving and closing told apart?
import Glibc
import Testing

@testable import Reactor

@Suite struct SocketTests {
    @Test func sendsAndReceives() throws {
        try withPair { one, other in
            let buffer = ReadBuffer()
            #expect(buffer.receive(from: other) == .wouldBlock)
            #expect(buffer.count == 0)
            #expect(Socket.send([1, 2, 3].span, to: one) == .all)
            #expect(buffer.receive(from: other) == .bytes(3))
            #expect([UInt8](buffer.span) == [1, 2, 3])
            #expect(!buffer.isFull)
            #expect(buffer.receive(from: other) == .wouldBlock)
        }
    }

    @Test func nothingToSendIsSent() throws {
        try withPair { one, _ in
            _ = fill(one)
            #expect(Socket.send([UInt8]().span, to: one) == .all)
        }
    }

    @Test func aFullSocketTakesAPartThenNothing() throws {
        try withPair { one, other in
            shrinkSendBuffer(one)
            let much = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            guard case .partial(let taken) = Socket.send(much.span, to: one) else {
                Issue.record("a megabyte does not fit")
                return
            }
            #expect(taken > 0)
            #expect(taken < much.count)
            #expect(Socket.send(much.span, to: one) == .partial(0))
            #expect(drain(other) == Array(much[..<taken]))
        }
    }

    @Test func sendingToNobodyIsAValueAndNoSignal() throws {
        let (one, other) = try Socket.pair()
        defer { Socket.close(one) }
        Socket.close(other)
        #expect(Socket.send([1].span, to: one) == .failed(.brokenPipe))
        #expect(ReadBuffer().receive(from: one) == .closed)
    }

    @Test func aResetIsAValue() throws {
        let listener = try Listener.tcp("127.0.0.1", port: 0)
        let client = try connect(Connector.tcp(try address(of: listener)))
        let (server, _) = try accept(listener)
        defer { Socket.close(server) }
        // Closing with unread bytes makes the kernel send a reset.
        #expect(Socket.send([1].span, to: server) == .all)
        let poller = try Poller()
        let token = Token(kind: 0, index: 0, generation: 0)
        #expect(poller.add(client, token) == nil)
        waitFor(poller, token) { $0.isReadable }
        let serverPoller = try Poller()
        #expect(serverPoller.add(server, token) == nil)
        Socket.close(client)
        waitFor(serverPoller, token) { $0.isHangup }
        #expect(ReadBuffer().receive(from: server) == .failed(.connectionReset))
        listener.close()
    }

    @Test func aHalfClosedSocketStillReceives() throws {
        try withPair { one, other in
            #expect(Socket.finishSending(one) == nil)
            #expect(ReadBuffer().receive(from: other) == .closed)
            #expect(Socket.send([9].span, to: other) == .all)
            #expect(drain(one) == [9])
            #expect(Socket.send([9].span, to: one) == .failed(.brokenPipe))
        }
    }

    @Test func aPairHasNoAddressButCredentials() throws {
        try withPair { one, _ in
            #expect(Socket.localAddress(one) == nil)
            #expect(Socket.peerAddress(one) == nil)
            #expect(Socket.pendingError(one) == nil)
            let me = PeerCredentials(process: getpid(), user: getuid(), group: getgid())
            #expect(Socket.peerCredentials(one) == me)
        }
    }

    @Test func closingTwiceStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            let (one, _) = try Socket.pair()
            Socket.close(one)
            Socket.close(one)
        }
    }

    @Test(arguments: [
        (ECONNREFUSED, "Connection refused"), (EADDRINUSE, "Address already in use"), (EPIPE, "Broken pipe"),
    ])
    func errorsReadAsSentences(number: Int32, text: String) {
        #expect(Errno(rawValue: number).description == text)
    }
}

@Suite struct ReadBufferTests {
    @Test func aReceiveThatFillsTheBufferSaysSo() throws {
        try withPair { one, other in
            let buffer = ReadBuffer(capacity: 4)
            #expect(Socket.send([1, 2, 3, 4, 5].span, to: one) == .all)
            #expect(buffer.receive(from: other) == .bytes(4))
            #expect(buffer.isFull)
            #expect([UInt8](buffer.span) == [1, 2, 3, 4])
            #expect(buffer.receive(from: other) == .bytes(1))
            #expect(!buffer.isFull)
            #expect([UInt8](buffer.span) == [5])
        }
    }

    @Test func continuesAPrefix() throws {
        try withPair { one, other in
            let buffer = ReadBuffer(capacity: 6)
            let prefix: [UInt8] = [81, 0, 0]
            #expect(buffer.receive(from: other, after: prefix.span) == .wouldBlock)
            #expect([UInt8](buffer.span) == prefix)
            #expect(Socket.send([0, 5, 6, 7].span, to: one) == .all)
            #expect(buffer.receive(from: other, after: prefix.span) == .bytes(3))
            #expect([UInt8](buffer.span) == [81, 0, 0, 0, 5, 6])
            #expect(buffer.isFull)
            #expect(buffer.receive(from: other, after: buffer.span.extracting(4..<6)) == .bytes(1))
            #expect([UInt8](buffer.span) == [5, 6, 7])
            #expect(buffer.receive(from: other, after: [UInt8]().span) == .wouldBlock)
            check(buffer.span.isEmpty)
        }
    }

    @Test func aPrefixThatLeavesNoRoomStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            let (one, _) = try Socket.pair()
            _ = ReadBuffer(capacity: 4).receive(from: one, after: [1, 2, 3, 4].span)
        }
    }
}
