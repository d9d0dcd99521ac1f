// Do listeners open where they should, refuse with a clear reason, and hand out connections?
import Glibc
import PostgresCluster
import Synchronization
import Testing

@testable import Reactor

@Suite struct ListenerTCPTests {
    @Test(arguments: ["127.0.0.1", "::1"]) func acceptsConnections(host: String) throws {
        let listener = try Listener.tcp(host, port: 0)
        #expect(listener.accept() == .wouldBlock)
        let place = try address(of: listener)
        #expect(place.port != 0)
        let client = try connect(Connector.tcp(place))
        let (server, peer) = try accept(listener)
        defer { [client, server].forEach(Socket.close) }
        #expect(Socket.localAddress(client).map(Peer.tcp) == peer)
        #expect(Socket.peerAddress(client) == place)
        #expect(Socket.peerAddress(server) == Socket.localAddress(client))
        #expect(Socket.send([42].span, to: client) == .all)
        let poller = try Poller()
        let token = Token(kind: 0, index: 0, generation: 0)
        #expect(poller.add(server, token) == nil)
        waitFor(poller, token) { $0.isReadable }
        #expect(drain(server) == [42])
        listener.close()
        listener.close()
    }

    @Test func connectionsInheritTheOptions() throws {
        let keepalive = TCPOptions.Keepalive(idle: .seconds(77), interval: .seconds(7), count: 5)
        let options = TCPOptions(keepalive: keepalive, userTimeout: .milliseconds(4321))
        let listener = try Listener.tcp("127.0.0.1", port: 0, options: options)
        let client = try connect(Connector.tcp(try address(of: listener), options: options))
        let (server, _) = try accept(listener)
        defer { [client, server].forEach(Socket.close) }
        for descriptor in [client, server] {
            let tcp = Int(IPPROTO_TCP)
            #expect(SystemCalls.option(descriptor, level: tcp, TCP_NODELAY).raw == 1)
            #expect(SystemCalls.option(descriptor, level: Int(SOL_SOCKET), SO_KEEPALIVE).raw == 1)
            #expect(SystemCalls.option(descriptor, level: tcp, TCP_KEEPIDLE).raw == 77)
            #expect(SystemCalls.option(descriptor, level: tcp, TCP_KEEPINTVL).raw == 7)
            #expect(SystemCalls.option(descriptor, level: tcp, TCP_KEEPCNT).raw == 5)
            #expect(SystemCalls.option(descriptor, level: tcp, TCP_USER_TIMEOUT).raw == 4321)
            #expect(fcntl(descriptor.rawValue, F_GETFL) & O_NONBLOCK != 0)
            #expect(fcntl(descriptor.rawValue, F_GETFD) & FD_CLOEXEC != 0)
        }
        #expect(fcntl(listener.descriptor.rawValue, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func keepaliveCanBeOff() throws {
        let listener = try Listener.tcp("127.0.0.1", port: 0, options: TCPOptions(keepalive: nil))
        #expect(SystemCalls.option(listener.descriptor, level: Int(SOL_SOCKET), SO_KEEPALIVE).raw == 0)
    }

    @Test(arguments: ["127.0.0.1", "::1", "0.0.0.0"]) func aPortInUseIsNamed(host: String) throws {
        let first = try Listener.tcp(host, port: UInt16(LoopbackPort.free()))
        let place = try address(of: first)
        let expected = ReactorError.addressInUse(place.description)
        #expect(throws: expected) { try Listener.tcp(host, port: place.port) }
        #expect(throws: expected) { try Listener.tcp(host, port: place.port, sharesPort: true) }
        #expect(throws: expected) { try Listener.tcpGroup(host, port: place.port, count: 2) }
        #expect(expected.description.contains(place.description))
        first.close()
        try Listener.tcp(host, port: place.port).close()
    }

    @Test func aPortIsFreeAgainAlthoughConnectionsLinger() throws {
        // Not one that the kernel would give to a connection of somebody else's in the meantime.
        let listener = try Listener.tcp("127.0.0.1", port: UInt16(LoopbackPort.free()))
        let place = try address(of: listener)
        let client = try connect(Connector.tcp(place))
        let (server, _) = try accept(listener)
        Socket.close(server)  // closes first, so this side has to wait in TIME_WAIT
        Socket.close(client)
        listener.close()
        try Listener.tcp("127.0.0.1", port: place.port).close()
    }

    @Test func aGroupSharesItsPortWithNobodyElse() throws {
        let group = try Listener.tcpGroup("127.0.0.1", port: 0, count: 4)
        let place = try address(of: group[0])
        #expect(try group.map { try address(of: $0) } == Array(repeating: place, count: 4))
        #expect(throws: ReactorError.addressInUse(place.description)) {
            try Listener.tcpGroup("127.0.0.1", port: place.port, count: 1)
        }

        var clients: [Descriptor] = []
        defer { clients.forEach(Socket.close) }
        for _ in 0..<64 { clients.append(try connect(Connector.tcp(place))) }
        var accepted = [0, 0, 0, 0]
        let poller = try Poller()
        for (index, listener) in group.enumerated() {
            #expect(poller.add(listener, Token(kind: 0, index: UInt32(index), generation: 0)) == nil)
        }
        while accepted.reduce(0, +) < 64 {
            let count = poller.wait(milliseconds: Int32(patience / 1_000_000))
            if count == 0 { break }
            for index in (0..<count).map({ poller.event($0).token.index }) {
                while case .connection(let descriptor, _) = group[index].accept() {
                    clients.append(descriptor)
                    accepted[index] += 1
                }
            }
        }
        #expect(accepted.reduce(0, +) == 64)
        // The kernel spreads by a hash: that all go to one has a chance of 4⁻⁶³.
        #expect(accepted.filter { $0 > 0 }.count > 1)
    }

    @Test func bothFamiliesHaveTheirOwnPortSpace() throws {
        let six = try Listener.tcp("::", port: 0)
        let port = try address(of: six).port
        let four = try Listener.tcp("0.0.0.0", port: port)
        let expected = SocketAddress("127.0.0.1", port: port)
        let client = try connect(Connector.tcp(try #require(expected)))
        defer { Socket.close(client) }
        let (server, _) = try accept(four)
        Socket.close(server)
        #expect(six.accept() == .wouldBlock)
    }

    @Test(arguments: ["", "localhost", "*", "127.0.0.256", "1.2.3", "::1::", "[::1]", "fe80::1%nosuchinterface"])
    func refusesWhatIsNoAddress(text: String) {
        #expect(throws: ReactorError.invalidAddress(text)) { try Listener.tcp(text, port: 5432) }
        #expect(throws: ReactorError.invalidAddress(text)) { try Listener.tcpGroup(text, port: 5432, count: 1) }
    }

    @Test func refusesAnAddressOfAnotherMachine() {
        // 192.0.2.0/24 is reserved for documentation.
        #expect(throws: ReactorError.addressNotAvailable("192.0.2.1:5432")) {
            try Listener.tcp("192.0.2.1", port: 5432)
        }
    }

    @Test func aClientThatLeftIsNoError() throws {
        let listener = try Listener.tcp("127.0.0.1", port: 0)
        Socket.close(try connect(Connector.tcp(try address(of: listener))))
        let (server, _) = try accept(listener)
        defer { Socket.close(server) }
        let poller = try Poller()
        let token = Token(rawValue: 0)
        #expect(poller.add(server, token) == nil)
        waitFor(poller, token) { $0.isPeerClosed }
        #expect(ReadBuffer().receive(from: server) == .closed)
    }

    @Test func runningOutOfDescriptorsIsAValue() async {
        await #expect(processExitsWith: .success) {
            let listener = try Listener.tcp("127.0.0.1", port: 0)
            guard case .tcp(let place) = listener.place else { return }
            guard case .inProgress(let client) = Connector.tcp(place) else { return }
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            var limit = rlimit(rlim_cur: rlim_t(client.rawValue) + 20, rlim_max: 4096)
            let set = unsafe setrlimit(resource, &limit)
            #expect(set == 0)
            var taken: [Int32] = []
            while case let copy = dup(client.rawValue), copy >= 0 { taken.append(copy) }
            #expect(listener.accept() == .exhausted(.processDescriptorLimit))
            for copy in taken { close(copy) }
            let (server, _) = try accept(listener)
            Socket.close(server)
        }
    }
}

@Suite struct ListenerUnixTests {
    @Test func acceptsConnectionsWithCredentials() throws {
        let directory = TemporaryDirectory()
        let listener = try Listener.unix(directory: directory.path, port: 6432)
        let path = "\(directory.path)/.s.PGSQL.6432"
        #expect(listener.place == .unix(path: path))
        #expect(mode(path) == 0o777)
        let client = try connect(Connector.unix(path: path))
        let (server, peer) = try accept(listener)
        defer { [client, server].forEach(Socket.close) }
        #expect(peer == .unix(PeerCredentials(process: getpid(), user: getuid(), group: getgid())))
        #expect(Socket.send([42].span, to: server) == .all)
        #expect(drain(client) == [42])
        listener.close()
        #expect(!directory.exists(".s.PGSQL.6432"))
        #expect(Connector.unix(path: path) == .failed(.noSuchFile))
    }

    @Test func aTrailingSlashIsFine() throws {
        let directory = TemporaryDirectory()
        let listener = try Listener.unix(directory: directory.path + "/", port: 1)
        #expect(listener.place == .unix(path: "\(directory.path)/.s.PGSQL.1"))
    }

    @Test func aStaleSocketFileIsReplaced() throws {
        let directory = TemporaryDirectory()
        let path = "\(directory.path)/.s.PGSQL.5432"
        try leaveStaleFile(path)
        let listener = try Listener.unix(path: path)
        let client = try connect(Connector.unix(path: path))
        Socket.close(client)
        listener.close()
        #expect(!directory.exists(".s.PGSQL.5432"))
    }

    @Test func aSocketWithAListenerIsLeftAlone() throws {
        let directory = TemporaryDirectory()
        let path = "\(directory.path)/s"
        let first = try Listener.unix(path: path)
        #expect(throws: ReactorError.addressInUse(path)) { try Listener.unix(path: path) }
        let client = try connect(Connector.unix(path: path))
        defer { Socket.close(client) }
        // The probe of the refused listener is gone by now, but was accepted first.
        Socket.close(try accept(first).0)
        Socket.close(try accept(first).0)
    }

    @Test func aListenerWithAFullQueueIsLeftAlone() throws {
        let directory = TemporaryDirectory()
        let path = "\(directory.path)/s"
        let first = try Listener.unix(path: path, backlog: 0)
        var waiting: [Descriptor] = []
        defer { waiting.forEach(Socket.close) }
        while case .connected(let descriptor) = Connector.unix(path: path) { waiting.append(descriptor) }
        #expect(Connector.unix(path: path) == .failed(.wouldBlock))
        #expect(throws: ReactorError.addressInUse(path)) { try Listener.unix(path: path) }
        first.close()
    }

    @Test func anotherFileIsLeftAlone() throws {
        let directory = TemporaryDirectory()
        let path = "\(directory.path)/s"
        let file = unsafe open(path, O_CREAT | O_WRONLY, 0o600)
        close(file)
        #expect(throws: ReactorError.notASocket(path: path)) { try Listener.unix(path: path) }
        #expect(directory.exists("s"))
    }

    @Test func theFileOfASuccessorIsNotRemoved() throws {
        let directory = TemporaryDirectory()
        let path = "\(directory.path)/s"
        let first = try Listener.unix(path: path)
        _ = unsafe unlink(path)
        let second = try Listener.unix(path: path)
        first.close()
        #expect(directory.exists("s"))
        second.close()
        #expect(!directory.exists("s"))
    }

    @Test func aMissingDirectoryIsNamed() {
        let path = "/tmp/no-such-directory-\(getpid())/s"
        #expect(throws: ReactorError.directoryMissing(path: path)) { try Listener.unix(path: path) }
    }

    @Test func theLongestPathFitsAndALongerOneIsNamed() throws {
        let directory = TemporaryDirectory()
        let room = RawAddress.pathLimit - directory.path.utf8.count - 1
        let name = String(repeating: "n", count: room)
        let listener = try Listener.unix(path: "\(directory.path)/\(name)")
        Socket.close(try connect(Connector.unix(path: "\(directory.path)/\(name)")))
        listener.close()
        #expect(!directory.exists(name))
        let long = "\(directory.path)/\(name)n"
        #expect(throws: ReactorError.pathTooLong(path: long, limit: 107)) { try Listener.unix(path: long) }
        #expect(Connector.unix(path: long) == .failed(.nameTooLong))
    }

    private func leaveStaleFile(_ path: String) throws {
        let opened = SystemCalls.streamSocket(family: AF_UNIX)
        let address = try #require(RawAddress(path: path))
        #expect(SystemCalls.bind(opened.descriptor, to: address).failure == nil)
        #expect(SystemCalls.listen(opened.descriptor, backlog: 1).failure == nil)
        Socket.close(opened.descriptor)
        #expect(SystemCalls.identity(path: path)?.isSocket == true)
        #expect(Connector.unix(path: path) == .failed(.connectionRefused))
    }

    private func mode(_ path: String) -> UInt32 {
        var answer = stat()
        let result = unsafe stat(path, &answer)
        #expect(result == 0)
        return answer.st_mode & 0o7777
    }
}

@Suite struct ListenerSharingTests {
    /// Several threads take connections from one socket file; each connection goes to exactly one of them.
    @Test func threadsShareAListener() throws {
        let directory = TemporaryDirectory()
        let path = "\(directory.path)/s"
        let listener = try Listener.unix(path: path)
        let done = try Mailbox<Int>()
        let isOver = Flag()
        let total = 300
        let threads = try (0..<3).map { number in
            try WorkerThread(name: "acceptor-\(number)") {
                guard let poller = try? Poller() else { return }
                let token = Token(kind: 0, index: 0, generation: 0)
                guard poller.add(listener, token) == nil else { return }
                while !isOver.value.load(ordering: .acquiring) {
                    guard poller.wait(milliseconds: 20) > 0 else { continue }
                    while case .connection(let descriptor, _) = listener.accept() {
                        Socket.close(descriptor)
                        done.post(number)
                    }
                }
            }
        }
        var connected = 0
        let deadline = MonotonicClock.now() + patience
        while connected < total && MonotonicClock.now() < deadline {
            guard case .connected(let descriptor) = Connector.unix(path: path) else { continue }
            Socket.close(descriptor)
            connected += 1
        }
        let poller = try Poller()
        let token = Token(kind: 0, index: 0, generation: 0)
        #expect(poller.addReadable(done.descriptor, token) == nil)
        var accepted = 0
        var batch: [Int] = []
        while accepted < total && MonotonicClock.now() < deadline {
            _ = poller.wait(milliseconds: 100)
            done.drain(into: &batch)
            accepted += batch.count
        }
        #expect(accepted == total)
        isOver.value.store(true, ordering: .releasing)
        for thread in threads { thread.join() }
    }
}

private final class Flag: Sendable {
    let value = Atomic<Bool>(false)
}
