// How does the rest of the process learn what the catalogs of its databases say?

import Locks
public import Routing

/// Reads the catalogs of the databases in use of one cluster, from a thread of its own, and tells what they say.
///
/// Both callbacks run on that thread: they hand over what they are given and return. They must not call `stop`.
public final class CatalogWatcher: Sendable {
    private let requests: CatalogRequests
    private let makeLoop: @Sendable (CatalogRequests) -> CatalogLoop
    private let thread = Lock<ControlThread?>(nil)

    /// - Parameters:
    ///   - onNews: Gets what is known of a database whenever it was read or confirmed.
    ///   - onEvent: Gets what belongs into the log; each failure once until it changes.
    public init(
        settings: ProbeSettings, onNews: @escaping @Sendable (CatalogNews) -> Void,
        onEvent: @escaping @Sendable (ProberEvent) -> Void
    ) throws(ProberError) {
        guard let wakeUp = WakeUp() else { throw .noResources }
        requests = CatalogRequests(wakeUp: wakeUp)
        makeLoop = { requests in
            CatalogLoop(settings: settings, requests: requests, onNews: onNews, onEvent: onEvent)
        }
    }

    /// A watcher that nobody holds ends by itself.
    deinit {
        requests.stop()
        thread.withLock { $0?.detach() }
    }

    /// Begins to read what is asked for. To be called once.
    public func start() throws(ProberError) {
        let started = thread.withLock { thread in
            precondition(thread == nil && !requests.isStopped, "a watcher is started once")
            thread = ControlThread(name: "pm-catalog") { [requests, makeLoop] in makeLoop(requests).run() }
            return thread != nil
        }
        guard started else { throw .noResources }
    }

    /// Ends reading and returns when the thread is gone. Calling it twice does no harm.
    public func stop() {
        requests.stop()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    /// Somebody uses a database, by its name on the servers. From any thread.
    ///
    /// - Parameter demand: numbers the changes of its catalog that were seen passing; the news tell which of them they
    ///   include. 0: none.
    public func request(_ database: String, demand: UInt64) { requests.want(database, demand: demand) }

    /// The roles in the cluster may have changed. From any thread.
    public func update(_ topology: Topology) { requests.update(CatalogNodes(topology)) }
}
