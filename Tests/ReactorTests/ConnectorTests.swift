// How do attempts to connect end?
import Glibc
import Testing

@testable import Reactor

@Suite struct ConnectorTests {
    @Test func aClosedPortRefuses() throws {
        let listener = try Listener.tcp("127.0.0.1", port: 0)
        let place = try address(of: listener)
        listener.close()
        #expect(throws: Errno.connectionRefused) { try connect(Connector.tcp(place)) }
    }

    @Test func anAttemptWaitsForItsOutcome() throws {
        // A queue that is full makes the kernel drop further attempts, which then stay in progress.
        let listener = try Listener.tcp("127.0.0.1", port: 0, backlog: 0)
        let place = try address(of: listener)
        let poller = try Poller()
        var attempts: [Descriptor] = []
        defer { attempts.forEach(Socket.close) }
        for index in 0..<4 {
            guard case .inProgress(let descriptor) = Connector.tcp(place) else {
                Issue.record("attempt \(index)")
                return
            }
            attempts.append(descriptor)
            #expect(poller.add(descriptor, Token(kind: 0, index: UInt32(index), generation: 0)) == nil)
        }
        var connected: Set<Int> = []
        for _ in 0..<10 {
            let count = poller.wait(milliseconds: 50)
            for index in 0..<count where poller.event(index).isWritable && !poller.event(index).isHangup {
                connected.insert(poller.event(index).token.index)
            }
            if count == 0 { break }
        }
        #expect(connected.count < attempts.count)
        for index in connected { #expect(Connector.finish(attempts[index]) == nil) }
    }

    @Test func thePendingErrorIsReadOnce() throws {
        let listener = try Listener.tcp("127.0.0.1", port: 0)
        let place = try address(of: listener)
        listener.close()
        guard case .inProgress(let descriptor) = Connector.tcp(place) else { return }
        defer { Socket.close(descriptor) }
        let poller = try Poller()
        let token = Token(kind: 0, index: 0, generation: 0)
        #expect(poller.add(descriptor, token) == nil)
        waitFor(poller, token) { $0.isHangup }
        #expect(Connector.finish(descriptor) == .connectionRefused)
        #expect(Connector.finish(descriptor) == nil)
    }

    @Test func unixOutcomes() throws {
        let directory = TemporaryDirectory()
        #expect(Connector.unix(path: "\(directory.path)/s") == .failed(.noSuchFile))
        #expect(Connector.unix(path: "") == .failed(.nameTooLong))
    }

    @Test func failuresLeaveNoDescriptorOpen() async {
        await #expect(processExitsWith: .success) {
            let directory = TemporaryDirectory()
            let path = "\(directory.path)/s"
            func once() throws {
                let listener = try Listener.tcp("127.0.0.1", port: 0)
                let group = try Listener.tcpGroup("127.0.0.1", port: 0, count: 2)
                let unix = try Listener.unix(path: path)
                guard case .tcp(let place) = listener.place else { return }
                _ = try? Listener.tcp("127.0.0.1", port: place.port)
                _ = try? Listener.tcpGroup("127.0.0.1", port: place.port, count: 2)
                _ = try? Listener.tcp("192.0.2.1", port: 1)
                _ = try? Listener.unix(path: path)
                _ = try? Listener.unix(path: "/nowhere/s")
                _ = Connector.unix(path: "/nowhere/s")
                let client = try connect(Connector.tcp(place))
                let (server, _) = try accept(listener)
                Socket.close(client)
                Socket.close(server)
                listener.close()
                unix.close()
                withExtendedLifetime(group) {}
                _ = try? connect(Connector.tcp(place))
                let mailbox = try Mailbox<Int>()
                mailbox.post(1)
                let poller = try Poller()
                _ = poller.addReadable(mailbox.descriptor, Token(rawValue: 0))
                _ = try SignalWaiter([.user2])
                try WorkerThread(name: "short") {}.join()
            }
            let before = openDescriptors()
            #expect(before > 2)
            let rounds = 50
            for _ in 0..<rounds { try once() }
            // The test library may open something, too, but not once for each round.
            #expect(openDescriptors() < before + rounds / 2)
        }
    }
}

/// How many descriptors the process has open.
private func openDescriptors() -> Int {
    guard let directory = unsafe opendir("/proc/self/fd") else { return 0 }
    var count = 0
    while unsafe readdir(directory) != nil { count += 1 }
    unsafe closedir(directory)
    return count
}
