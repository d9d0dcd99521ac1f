// What do threads tell a worker?

import Admin
import Authentication
import Pooling
import Reactor
import Routing
import SQL
import Sessions

/// How a process stops.
public enum StopMode: Int, Comparable, Sendable {
    /// No new clients; those that are there may stay until they leave.
    case drain
    /// Clients are sent away as soon as they are in no transaction.
    case afterTransactions
    /// Now.
    case immediately

    public static func < (left: StopMode, right: StopMode) -> Bool { left.rawValue < right.rawValue }
}

enum WorkerMessage: Sendable {
    case topology(cluster: Int, Topology)
    /// An order of a pool that this worker has to carry out.
    case pool(PoolAction, Pool)
    case adopt(ServerHandOver)
    /// The addresses of the node that a server connection is meant for.
    case resolved(Token, [String], failure: String?)
    /// The keys that a client's or server's login lacked.
    case derived(Token, LentKeys)
    /// What a server knows of the user that a client wants to be.
    case userFound(Token, UserAnswer)
    /// What others say of a client's password, which is handed back.
    case verified(Token, PasswordVerdict, Secret)
    /// A CancelRequest for the client in a slot.
    case cancel(slot: Int, secret: [UInt8])
    /// A client of another process is meant, whose address is known now.
    case forwardCancel(Endpoint, processID: Int32, secret: [UInt8])
    /// A connection that another worker accepted and counted.
    case accepted(Descriptor, Peer, ListenerKind, number: Int)
    /// What is known of a catalog; changes up to the demand are included.
    case catalog(CatalogID, Knowledge?, demand: UInt64)
    /// Another worker has seen a change of a catalog.
    case catalogChanged(CatalogID, demand: UInt64, changesTables: Bool)
    /// What sessions start with has changed, in a commit that the floor is behind.
    case defaultsChanged(Int, Floor)
    /// A role or database was dropped or has another name, in a commit that the floor is behind; to all workers.
    case loginNamesChanged(Int, Floor)
    /// What running a statement has taught another worker.
    case learned(LearnedStatements.Lesson, Fingerprint, CatalogID, until: UInt64)
    /// What was paused may go on.
    case resumed
    /// A user of the console asks all workers.
    case console(ConsoleGather)
    /// The answer to a command of one of this worker's clients.
    case consoleAnswer(Token, ConsoleResult)
    /// The limits of these groups' pools are others now; to one worker.
    case poolsChanged([PoolGroup])
    /// Databases, users or their limits are others now.
    case groupsChanged
    case stop(StopMode)
}
