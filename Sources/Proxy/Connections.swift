// What does a worker hold for each client, each server and each cancel request?

import Admin
import Authentication
import Locks
import OpenSSL
import Pooling
import Reactor
import Routing
import Sessions
import Wire

/// The login of one client, changed in place.
final class LoginUnderWay {
    var machine: ClientLogin
    /// A header of the PROXY protocol comes first.
    var awaitsProxyHeader: Bool
    var request: StartupRequest?
    /// What was derived for it.
    var lent: LentKeys?
    /// What a server, or others who know the password, said of the user.
    var found: Secret?
    /// Who says whether the password is right, if not we.
    var authority: PasswordQuestion.Authority?
    /// The client began with a TLS handshake, unasked.
    var isDirect = false
    /// It was told that its bytes are encrypted.
    var isEncrypted = false

    init(awaitsProxyHeader: Bool, encryption: ClientLogin.Encryption) {
        self.awaitsProxyHeader = awaitsProxyHeader
        machine = ClientLogin(encryption: encryption)
    }
}

/// One client's connection.
final class ClientConnection {
    enum Phase {
        /// Startup packet and authentication.
        case login(LoginUnderWay)
        /// Authenticated; waits for a server to tell the settings it reports.
        case welcoming
        case serving
        /// It talks to the console.
        indirect case console(ConsoleSession, user: String)
        /// It follows the primary's log.
        indirect case replicating(StartupRequest)
    }

    /// Why the client's bytes are not read any further.
    enum Wait {
        case none
        /// In the queue of a pool.
        case pool(node: Int)
        /// For the cluster to change.
        case held(HoldReason)
        /// For keys that its login lacks.
        case keys
        /// For what a server says of the user it wants to be.
        case user
        /// For its replication connection.
        case link
        /// For RESUME.
        case paused
        /// For the answer to a command of the console.
        case console(ConsoleWait)
        /// For what is known of the functions it calls.
        case catalog(until: UInt64)

        var isNone: Bool {
            if case .none = self { true } else { false }
        }
    }

    let token: Token
    let descriptor: Descriptor
    let processID: Int32
    /// The client itself, where a proxy tells.
    var peer: Peer
    let listener: ListenerKind
    /// Why the present batch goes where it goes.
    var routeReason = RouteReason.replicaSafe
    /// What the present batch has waited for in vain.
    var waitedFor: HoldReason?
    /// It came when there were as many as there may be.
    var isSurplus = false
    /// It was counted as logged in.
    var isCounted = false
    /// It has waited for the catalog, for the sake of the statement at hand.
    var hasAwaitedCatalog = false
    let acceptedAt: UInt64
    var phase: Phase
    var session: ClientSession
    var group: PoolGroup?
    var server: ServerConnection?
    /// Of a replication client.
    var link: ReplicationLink?
    var ownProfile: OwnProfile?
    var wait = Wait.none
    /// It waits in the queue of a pool, and counts as work of the node.
    var isCountedInQueue = false
    /// Tells this wait from earlier ones.
    var waitSerial: UInt32 = 0
    var demand = Demand(routeClass: .replicaSafe)
    /// What keeps it off the replicas, if that has a name.
    var decisiveObject: DecisiveObject?
    /// It was brought at the start, and it is not known yet what it stands for.
    var startToken: CommitToken?
    /// Once it has asked for monotonic reads.
    var reads: MonotonicReads?
    /// It was told something before that.
    var hasRead = false
    /// What its server, a replica, was known to show.
    var metFloor = Floor.none
    /// When it got its server.
    var attachedAt: UInt64 = 0
    /// When its present or next transaction began on a server.
    var transactionAt: UInt64 = 0
    /// When the server was given its present batch.
    var startedAt: UInt64 = 0
    /// When it was served last, or began to wait.
    var activeAt: UInt64
    /// Under which database and user it is counted.
    var admission: Admission?
    /// The batch, by its start, that ran for too long and is being cancelled.
    var cancelledStart: UInt64 = 0
    /// Nodes that cannot serve the present batch.
    var excluded = NodeSet()
    var holdDeadline: UInt64?
    /// The socket may hold bytes that no event will tell of again.
    var mayHaveUnread = false
    /// The client has sent its last byte, read or not.
    var isAtEnd = false
    /// The attached server must answer before more of the kept bytes are used.
    var isBlocked = false
    var isQueuedForResume = false
    /// It said goodbye, and answers to what it asked before are still to come.
    var isLeaving = false
    var isClosed = false
    /// The primary has ended its connection under the present batch.
    var stop: PrimaryStop?
    /// Why the present batch gets no server.
    var refusal: ErrorFields?
    var output: Output
    /// Bytes that were read and not used.
    var kept: ByteStore
    /// What the client sent of a batch that a replica tries to run.
    var tried: ByteStore
    /// The nodes that have failed the present batch.
    var failed = NodeSet()
    /// The wait that it was told of.
    var noticedSerial: UInt32 = 0
    var cancelSecret: CancelSecret

    init(
        token: Token, descriptor: Descriptor, peer: Peer, listener: ListenerKind, acceptedAt: UInt64,
        processID: Int32, cancelSecret: CancelSecret, awaitsProxyHeader: Bool,
        encryption: ClientLogin.Encryption, blocks: BlockPool
    ) {
        phase = .login(LoginUnderWay(awaitsProxyHeader: awaitsProxyHeader, encryption: encryption))
        self.token = token
        self.descriptor = descriptor
        self.peer = peer
        self.listener = listener
        self.acceptedAt = acceptedAt
        activeAt = acceptedAt
        self.processID = processID
        self.cancelSecret = cancelSecret
        session = ClientSession(listener: listener, profile: .base, settings: .standard)
        output = Output(pool: blocks)
        kept = ByteStore(pool: blocks)
        tried = ByteStore(pool: blocks)
    }

    /// For the log: the database and the user, as far as they are known.
    var names: (database: String, user: String) {
        switch phase {
        case .login(let login): (login.request?.database ?? "", login.request?.user ?? "")
        case .console(_, let user): ("pointsman", user)
        case .replicating(let request): (request.database, request.user)
        case .welcoming, .serving: (group?.database ?? "", admission?.user ?? "")
        }
    }

    /// The present batch has a server, or will have none.
    func endedSearch() {
        excluded = NodeSet()
        waitedFor = nil
        holdDeadline = nil
        stop = nil
        refusal = nil
    }
}

/// One connection to a server.
final class ServerConnection {
    enum Phase {
        /// The address is looked up, the socket connects, or the login runs. Leaves to idle.
        case connecting
        /// It is asked for TLS, or the handshake runs. Leaves to login.
        case encrypting(Handshake)
        indirect case login(ServerLogin)
        /// In the pool. Leaves to attached.
        case idle
        /// Serves `client`. Leaves to idle, cooling, resetting, finishing.
        case attached
        /// Free, but a cancel request for it is on its way. Leaves to idle.
        case cooling
        /// Its client is gone or left traces: own work makes it clean. Leaves to idle.
        case resetting
        /// Its client said goodbye while work was under way, which goes on. Leaves to resetting.
        case finishing
    }

    let id: ServerID
    var token: Token
    var descriptor: Descriptor?
    var group: PoolGroup
    let pool: Pool
    let epoch: PoolEpoch
    let address: String
    var phase = Phase.connecting
    var session = ServerSession()
    /// The client it serves; both references end when either connection does.
    var client: ClientConnection?
    /// When the login was complete; a floored read asks for a probe that began later.
    var connectedAt: UInt64 = 0
    let startedAt: UInt64
    var processID: Int32 = 0
    var secret: [UInt8] = []
    /// What was derived for its login.
    var lent: LentKeys?
    var waitsForKeys = false
    /// The attempt with the other kind of connection, encrypted or not, has failed before.
    var isSecondAttempt = false
    /// It counts against the limits that span pools.
    var isBudgeted = false
    var pendingCancels = 0
    var output: Output
    var kept: ByteStore
    var mayHaveUnread = false
    /// The server has sent its last byte.
    var isAtEnd = false
    var isQueuedForResume = false
    var isClosed = false
    /// The attached node was the primary when the server was attached.
    var isPrimary = false
    /// Its attachment is counted in the worker's outstanding work.
    var isCounted = false
    /// The profile that the table keeps for this server.
    var heldProfile = ProfileID.base
    /// What is asked of it before it returns to the pool, in order.
    var cleanUp: [[UInt8]] = []
    var lastCleanUp: [UInt8] = []
    /// Where it listens, for cancel requests.
    var endpoint: Endpoint?
    /// What it said when it ended the connection.
    var farewell: ReceivedError?
    /// Its client's batch has to be run again.
    var trialFailure: TrialFailure?
    /// The work that goes on without its client.
    var unseen: UnseenWrite?

    init(
        id: ServerID, token: Token, group: PoolGroup, pool: Pool, epoch: PoolEpoch, address: String, startedAt: UInt64,
        blocks: BlockPool
    ) {
        self.id = id
        self.token = token
        self.group = group
        self.pool = pool
        self.epoch = epoch
        self.address = address
        self.startedAt = startedAt
        output = Output(pool: blocks)
        kept = ByteStore(pool: blocks)
    }
}

/// A cluster as one worker sees it.
final class ClusterView {
    private(set) var topology = Topology()
    private var primaryPlace: Int?
    /// By place; beside the topology, which a look would copy.
    private var ids: [NodeID] = []
    /// The primary, or the last one.
    var lastPrimary: NodeID?
    /// Batches under way by place of the node.
    var outstanding: [Int32] = []
    /// How long reads take, by place of the node.
    var latencies: [Latency] = []
    /// The replicas whose connections are replaced once they have replayed a change of the settings that sessions start
    /// with, by place.
    var renewals: [Int: Floor] = [:]
    /// Those of them that may still know a role or database by a name that is another's by now: they serve nobody.
    var misnaming = NodeSet()
    var misnamingUntil: UInt64 = 0

    /// Looks at a new picture.
    func take(_ new: Topology) {
        for (place, node) in new.nodes.enumerated() {
            if place == outstanding.count {
                outstanding.append(0)
                latencies.append(Latency())
            } else if place < topology.nodes.count, topology.nodes[place].id != node.id {
                latencies[place] = Latency()
            }
        }
        topology = new
        primaryPlace = new.primaryPlace
        ids = new.nodes.map(\.id)
    }

    /// Whether the node in a place takes the writes.
    func isPrimary(_ place: Int) -> Bool { place == primaryPlace }

    func place(of id: NodeID) -> Int? { ids.firstIndex(of: id) }
}

/// Where a server listens.
enum Endpoint: Equatable, Sendable {
    case tcp(SocketAddress)
    case unix(path: String)

    /// nil: a host name, which must be looked up first.
    init?(_ node: NodeSettings) {
        if node.host.hasPrefix("/") {
            self = .unix(path: "\(node.host)/.s.PGSQL.\(node.port)")
        } else if let address = SocketAddress(node.host, port: node.port) {
            self = .tcp(address)
        } else {
            return nil
        }
    }

    /// The first numeric address that a host name has; nil: it has none.
    init?(resolved addresses: [String], port: UInt16) {
        guard let address = addresses.lazy.compactMap({ SocketAddress($0, port: port) }).first else { return nil }
        self = .tcp(address)
    }

    /// A server whose machine is gone without a word is given up when it has acknowledged nothing for so long.
    private static let options = TCPOptions(userTimeout: .seconds(30))

    func connect() -> Connecting {
        switch self {
        case .tcp(let address): Connector.tcp(address, options: Self.options)
        case .unix(let path): Connector.unix(path: path)
        }
    }
}

/// A server connection on its way from one worker to another.
final class ServerHandOver: Sendable {
    let id: ServerID
    let descriptor: Descriptor
    let pool: Pool
    let epoch: PoolEpoch
    let address: String
    let endpoint: Endpoint?
    let heldProfile: ProfileID
    let connectedAt: UInt64
    let processID: Int32
    let secret: [UInt8]
    let channel: TLSChannel?
    private let session: Lock<ServerSession>

    /// Takes the server's session out of it.
    init(_ server: ServerConnection, descriptor: Descriptor) {
        id = server.id
        self.descriptor = descriptor
        pool = server.pool
        epoch = server.epoch
        address = server.address
        endpoint = server.endpoint
        heldProfile = server.heldProfile
        connectedAt = server.connectedAt
        processID = server.processID
        secret = server.secret
        channel = server.output.channel
        var taken = ServerSession()
        swap(&taken, &server.session)
        session = Lock(taken)
    }

    /// Gives the session to the connection of the new worker; once.
    func moveSession(to server: ServerConnection) {
        session.withLock { swap(&$0, &server.session) }
    }
}
