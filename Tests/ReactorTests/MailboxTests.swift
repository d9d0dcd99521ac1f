// Does every message arrive, and is its reader woken for it?
import Glibc
import Testing

@testable import Reactor

@Suite struct MailboxTests {
    private let token = Token(kind: 3, index: 0, generation: 0)

    @Test func wakesOnlyWhenItWasEmpty() throws {
        let mailbox = try Mailbox<Int>()
        let poller = try Poller()
        #expect(poller.addReadable(mailbox.descriptor, token) == nil)
        #expect(poller.wait(milliseconds: 0) == 0)
        mailbox.post(1)
        #expect(poller.wait(milliseconds: 0) == 1)
        mailbox.post(2)
        #expect(poller.wait(milliseconds: 0) == 0)
        var batch = [9]
        mailbox.drain(into: &batch)
        #expect(batch == [1, 2])
        mailbox.drain(into: &batch)
        #expect(batch == [])
        mailbox.post(3)
        #expect(poller.wait(milliseconds: 0) == 1)
        mailbox.drain(into: &batch)
        #expect(batch == [3])
    }

    @Test func aMessagePostedBeforeTheReaderListensIsReported() throws {
        let mailbox = try Mailbox<String>()
        mailbox.post("early")
        let poller = try Poller()
        #expect(poller.addReadable(mailbox.descriptor, token) == nil)
        #expect(poller.wait(milliseconds: 0) == 1)
    }

    @Test func aFullCounterStillWakes() throws {
        let mailbox = try Mailbox<Int>()
        var almost = UInt64.max - 1
        let written = unsafe write(mailbox.descriptor.rawValue, &almost, 8)
        #expect(written == 8)
        let poller = try Poller()
        #expect(poller.addReadable(mailbox.descriptor, token) == nil)
        #expect(poller.wait(milliseconds: 0) == 1)
        mailbox.post(1)
        #expect(poller.wait(milliseconds: 0) == 1)
    }

    /// Four threads post as fast as they can. The reader only ever looks after an event, so a lost wake-up would make
    /// it wait for ever.
    @Test func noWakeUpIsLost() throws {
        struct Message: Sendable {
            let sender: Int
            let number: Int
        }
        let mailbox = try Mailbox<Message>()
        let perSender = 50_000
        let poller = try Poller()
        #expect(poller.addReadable(mailbox.descriptor, token) == nil)
        let threads = try (0..<4).map { sender in
            try WorkerThread(name: "sender-\(sender)") {
                for number in 0..<perSender { mailbox.post(Message(sender: sender, number: number)) }
            }
        }
        var next = [0, 0, 0, 0]
        var batch: [Message] = []
        while next.reduce(0, +) < 4 * perSender {
            guard poller.wait(milliseconds: Int32(patience / 1_000_000)) > 0 else {
                Issue.record("no wake-up after \(next)")
                break
            }
            mailbox.drain(into: &batch)
            for message in batch {
                if message.number != next[message.sender] { Issue.record("\(message) instead of \(next)") }
                next[message.sender] = message.number + 1
            }
        }
        for thread in threads { thread.join() }
        #expect(next == Array(repeating: perSender, count: 4))
    }

    /// One message at a time, each only after the answer to the last: every single wake-up counts.
    @Test func twoThreadsTakeTurns() throws {
        let there = try Mailbox<Int>()
        let back = try Mailbox<Int>()
        let rounds = 20_000
        let thread = try WorkerThread(name: "echo") { echo(from: there, to: back, count: rounds) }
        there.post(0)
        #expect(echo(from: back, to: there, count: rounds) == rounds)
        thread.join()
    }
}

/// Answers `count` messages with their number plus one; returns how many came before waiting took too long.
@discardableResult
private func echo(from: Mailbox<Int>, to: Mailbox<Int>, count: Int) -> Int {
    guard let poller = try? Poller() else { return 0 }
    guard poller.addReadable(from.descriptor, Token(rawValue: 0)) == nil else { return 0 }
    var batch: [Int] = []
    var received = 0
    while received < count {
        guard poller.wait(milliseconds: Int32(patience / 1_000_000)) > 0 else { return received }
        from.drain(into: &batch)
        for number in batch {
            received += 1
            to.post(number + 1)
        }
    }
    return received
}
