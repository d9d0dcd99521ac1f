// Which worker serves a new client?

import Testing

@testable import Proxy

struct ClientSpreadTests {
    @Test(arguments: [
        ([0, 0], 0, 0), ([0, 0], 1, 1), ([1, 0], 0, 1), ([1, 0], 1, 1), ([0, 1], 0, 0), ([2, 1], 0, 1), ([4, 3], 0, 1),
        ([5, 4], 0, 0), ([6, 4], 0, 1), ([125, 100], 0, 0), ([126, 100], 0, 1), ([9, 2, 1], 0, 2), ([9, 2, 1], 1, 2),
        ([3, 3, 3], 2, 2), ([7], 0, 0),
    ])
    func place(clients: [Int], acceptor: Int, worker: Int) {
        let pulses = clients.map { count in
            let pulse = WorkerPulse(now: 0)
            for _ in 0..<count { pulse.clientComes() }
            return pulse
        }
        #expect(ClientSpread.worker(for: acceptor, of: pulses) == worker)
    }

    /// Whatever the kernel does, nobody has many more clients than another.
    @Test func theWorstKernelIsEvenedOut() {
        let pulses = (0..<4).map { _ in WorkerPulse(now: 0) }
        for _ in 0..<1000 { pulses[ClientSpread.worker(for: 0, of: pulses)].clientComes() }
        let counts = pulses.map(\.clients)
        #expect(counts.reduce(0, +) == 1000)
        #expect((counts.max() ?? 0) * 4 <= (counts.min() ?? 0) * 5 + 4)
    }
}
