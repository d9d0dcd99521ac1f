// Does a ticker tell of each interval?
import Testing

@testable import Reactor

@Suite struct TickerTests {
    /// Each interval has an event of its own, as long as the former was acknowledged.
    @Test func eventsComeAgainAndAgain() throws {
        let poller = try Poller()
        let ticker = try Ticker(nanoseconds: 1_000_000)
        var tokens = TokenTable()
        let token = tokens.open(kind: 1)
        #expect(poller.addReadable(ticker.descriptor, token) == nil)
        for _ in 0..<5 {
            #expect(poller.wait(milliseconds: 10_000) == 1)
            let event = poller.event(0)
            #expect(event.token.rawValue == token.rawValue && event.isReadable)
            ticker.acknowledge()
        }
    }

    @Test func theIntervalCanBeChanged() throws {
        let poller = try Poller()
        let ticker = try Ticker(nanoseconds: 3_600_000_000_000)
        var tokens = TokenTable()
        #expect(poller.addReadable(ticker.descriptor, tokens.open(kind: 1)) == nil)
        #expect(poller.wait(milliseconds: 20) == 0)
        ticker.setInterval(nanoseconds: 1_000_000)
        #expect(poller.wait(milliseconds: 10_000) == 1)
        ticker.setInterval(nanoseconds: 3_600_000_000_000)
        ticker.acknowledge()
        #expect(poller.wait(milliseconds: 20) == 0)
    }
}
