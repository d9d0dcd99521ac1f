// When does the demonstration end?

import Dispatch
import Foundation

enum DemoEnding: Equatable {
    case timeIsOver
    case signal
    case routerEnded

    var sentence: String {
        switch self {
        case .timeIsOver: "The time is over."
        case .signal: "Interrupted."
        case .routerEnded: "The router has ended."
        }
    }

    /// Waits for a signal to this process, the end of the router or the deadline, whichever comes first.
    static func wait(for router: DemoRouter, deadline: ContinuousClock.Instant?) -> DemoEnding {
        let told = DispatchSemaphore(value: 0)
        let sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            // The source sees the signal although its default action is off.
            _ = Foundation.signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { told.signal() }
            source.resume()
            return source
        }
        defer { sources.forEach { $0.cancel() } }
        while true {
            if told.wait(timeout: .now() + .milliseconds(100)) == .success { return .signal }
            if !router.process.isRunning { return .routerEnded }
            if let deadline, ContinuousClock.now >= deadline { return .timeIsOver }
        }
    }
}
