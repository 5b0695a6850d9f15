import BitcoinPrimitives
import BlockRelay
import Units

/// A session, and what it has done.
struct Bench {
    var session: PeerSession
    var now = Instant(nanoseconds: 1_000_000_000)
    var sent: [PeerMessage] = []
    var notices: [PeerSession.Notice] = []
    var connects = 0
    var disconnects = 0
    var wake: Instant?
    private var reader = FrameReader(network: .regtest)

    init(_ change: (inout PeerSession.Configuration) -> Void = { _ in }, seed: UInt64 = 1) {
        var configuration = PeerSession.Configuration(network: .regtest, userAgent: "/adit:test/")
        change(&configuration)
        session = PeerSession(configuration: configuration, seed: seed)
    }

    mutating func tell(_ event: PeerSession.Event) {
        for action in session.handle(event, at: now) {
            switch action {
            case .connect:
                connects += 1
                reader = FrameReader(network: .regtest)
            case .send(let bytes): sent += read(bytes)
            case .disconnect: disconnects += 1
            case .wake(let time): wake = time
            case .notice(let notice): notices.append(notice)
            }
        }
    }

    private mutating func read(_ bytes: [UInt8]) -> [PeerMessage] {
        reader.receive(bytes)
        var messages = [PeerMessage]()
        do {
            while let frame = try reader.next() { messages.append(try PeerMessage(frame)) }
        } catch {
            preconditionFailure("what we send is read: \(error)")
        }
        return messages
    }

    mutating func receive(_ messages: PeerMessage...) {
        for message in messages { tell(.received(message.frame.wireBytes(on: .regtest))) }
    }

    /// Moves the clock, and wakes the session whenever it asked for it.
    mutating func wait(_ duration: Duration) {
        let end = now + duration
        var wakes = 0
        while let time = wake, time <= end {
            now = max(now, time)
            wake = nil
            tell(.woke)
            wakes += 1
            precondition(wakes < 10_000, "a session does not spin")
        }
        now = end
    }

    /// Until the session tries again.
    mutating func waitForConnect() {
        while session.phase != .connecting, let time = wake { wait(time - now) }
    }

    /// Connects and greets.
    mutating func becomeReady(_ version: VersionMessage = nodeVersion(), highBandwidth: Bool = false) {
        tell(.start)
        greet(version, highBandwidth: highBandwidth)
    }

    mutating func greet(_ version: VersionMessage = nodeVersion(), highBandwidth: Bool = false) {
        tell(.connected(unixTime: 1_700_000_000))
        receive(
            .version(version), .wtxidrelay, .sendaddrv2, .verack,
            .sendcmpct(SendCompact(announce: false, version: 2)))
        if highBandwidth { receive(.sendcmpct(SendCompact(announce: true, version: 2))) }
        sent = []
    }

    /// Takes what was sent.
    mutating func take() -> [PeerMessage] {
        defer { sent = [] }
        return sent
    }

    /// Why the last connection ended, and how long the session waits before the next.
    var lastDown: (fault: PeerFault, delay: Duration)? {
        for notice in notices.reversed() {
            if case .down(let fault, let delay) = notice { return (fault, delay) }
        }
        return nil
    }

    var fault: PeerFault? { lastDown?.fault }
}
