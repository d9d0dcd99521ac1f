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
}

/// Hears the signals that end the demonstration. From when it is there they do not end the process any more.
struct DemoSignals {
    private let told = DispatchSemaphore(value: 0)
    private let sources: [any DispatchSourceSignal]

    init() {
        let (told, registered) = (told, DispatchSemaphore(value: 0))
        sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { told.signal() }
            // Only now does the source take the place of the signal's default action.
            source.setRegistrationHandler { registered.signal() }
            source.resume()
            registered.wait()
            return source
        }
    }

    /// Waits for a signal, the end of the router or the deadline, whichever comes first.
    func wait(for router: DemoRouter, deadline: ContinuousClock.Instant?) -> DemoEnding {
        while true {
            if told.wait(timeout: .now() + .milliseconds(100)) == .success { return .signal }
            if !router.process.isRunning { return .routerEnded }
            if let deadline, ContinuousClock.now >= deadline { return .timeIsOver }
        }
    }
}
