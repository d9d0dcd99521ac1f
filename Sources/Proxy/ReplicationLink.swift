// What does a worker hold for a client that follows the primary's log?

import Authentication
import Reactor
import Sessions
import Wire

/// A replication client's own connection to the primary. It is in no pool: it cannot be lent to anyone else, and the
/// server's `max_wal_senders` bounds the number.
final class ReplicationLink {
    enum Phase {
        /// The address is looked up, or the socket connects. Leaves to login.
        case connecting
        /// It is asked for TLS, or the handshake runs. Leaves to login.
        case encrypting(Handshake)
        /// Leaves to streaming.
        indirect case login(ServerLogin)
        /// Bytes pass in both directions as they are.
        case streaming
    }

    let token: Token
    unowned let client: ClientConnection
    let cluster: Int
    /// The node's place in the cluster.
    let node: Int
    let address: String
    let startedAt: UInt64
    let timeout: Duration
    /// What the client's own login revealed.
    let keys: SCRAMKeys?
    /// Of the user that it logs in as.
    let userSecret: Secret?
    var phase = Phase.connecting
    var descriptor: Descriptor?
    /// Where it listens, for cancel requests.
    var endpoint: Endpoint?
    var processID: Int32 = 0
    var secret: [UInt8] = []
    /// What was derived for its login.
    var lent: LentKeys?
    var waitsForKeys = false
    var output: Output
    /// Received during the login and not used yet.
    var kept: ByteStore
    var mayHaveUnread = false
    /// The server has sent its last byte.
    var isAtEnd = false
    var isQueuedForResume = false
    var isClosed = false

    init(
        token: Token, client: ClientConnection, cluster: Int, node: Int, address: String, timeout: Duration,
        keys: SCRAMKeys?, secret: Secret?, startedAt: UInt64, blocks: BlockPool
    ) {
        self.token = token
        self.client = client
        self.cluster = cluster
        self.node = node
        self.address = address
        self.timeout = timeout
        self.keys = keys
        userSecret = secret
        self.startedAt = startedAt
        output = Output(pool: blocks)
        kept = ByteStore(pool: blocks)
    }

    var isStreaming: Bool {
        if case .streaming = phase { true } else { false }
    }
}
