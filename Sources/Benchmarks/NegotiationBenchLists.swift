import BaseTemplates
import BitcoinPrimitives
import SV2Codec
import TemplateBuilding
import Units

/// What a base template takes on the wire, and what sending the same transactions would.
public struct BaseTemplateFigures: Hashable, Sendable, Codable {
    public let subject: String
    /// No recording of a mempool stands behind it.
    public let isMadeUp: Bool
    /// Candidates that came, and those that went.
    public let added: Int
    public let removed: Int
    public let frames: Int
    /// Of the frames as they are encrypted, those of the client not counted.
    public let byteCount: Int
    /// Bytes of the transactions that came, witnesses included; estimated from the weight where that alone was recorded.
    public let transactionByteCount: Int
    /// As many times as long as the frames are the transactions.
    public let ratio: Double

    init(_ subject: String, isMadeUp: Bool, _ traffic: BaseTemplateTraffic, transactionByteCount: Int) {
        self.subject = subject
        self.isMadeUp = isMadeUp
        added = traffic.added
        removed = traffic.removed
        frames = traffic.frames
        byteCount = traffic.byteCount
        self.transactionByteCount = transactionByteCount
        ratio = Double(transactionByteCount) / Double(Swift.max(1, traffic.byteCount))
    }
}

/// What went from a server to a client, and what it was about.
struct BaseTemplateTraffic: Hashable {
    var frames = 0
    var byteCount = 0
    var added = 0
    var removed = 0
    /// Of the transactions that came.
    var addedWeight: UInt64 = 0
    var hasNewTip = false
}

/// A pool that offers candidates, and a client that takes them, on a link without delay.
struct BaseTemplateLink {
    static let rules = CoinbaseRules(
        demands: [.init(value: .zero, share: 1_000_000, script: NegotiationScene.payoutScript)],
        maximumAdditionalSize: 200, maximumAdditionalSigops: 80)
    /// What encryption adds to a frame of no more than 65,519 bytes: a tag for the header, one for the payload.
    private static let encryption = 32

    private var source = BaseTemplateSource(rules: rules)
    private var server = BaseTemplateServer()
    private var client = BaseTemplateClient()
    private(set) var traffic = BaseTemplateTraffic()
    private var now = Instant(nanoseconds: 0)

    /// The client asks for the first list.
    init(tip: UInt32, _ candidates: [MempoolEntry]) {
        publish(.block(NegotiationScene.next(tip), candidates))
        deliver(fromClient: .negotiated([BaseTemplateExtension.extensionType]))
        check()
    }

    /// What the pool would rather have in the list now.
    mutating func offer(_ candidates: [MempoolEntry], tip: UInt32? = nil, after time: Duration) {
        now = now + time
        if let tip {
            publish(.block(NegotiationScene.next(tip), candidates))
        } else {
            publish(.candidates(candidates))
        }
        check()
    }

    mutating func takeTraffic() -> BaseTemplateTraffic {
        defer { traffic = BaseTemplateTraffic() }
        return traffic
    }

    private func check() {
        precondition(
            client.isCurrent && client.checksum == source.published.checksum, "the client has the list")
    }

    private mutating func publish(_ event: BaseTemplateSource.Event) {
        let actions = source.handle(event, at: now, unixTime: NegotiationScene.start)
        guard actions.contains(.published) else { return }
        deliver(server.handle(.published, from: &source, at: now))
    }

    private mutating func deliver(_ actions: [BaseTemplateServer.Action]) {
        var frames = actions.compactMap(Self.frame)[...]
        while let frame = frames.popFirst() {
            traffic.frames += 1
            traffic.byteCount += frame.count + Self.encryption
            guard let (header, payload) = Self.parts(frame) else { preconditionFailure("a whole frame") }
            for answer in tell(.frame(header, payload)) { frames += serve(answer) }
        }
    }

    private mutating func deliver(fromClient event: BaseTemplateClient.Event) {
        for message in tell(event) { deliver(serve(message).map { .send($0) }) }
    }

    private mutating func serve(_ message: BaseTemplateMessage) -> [[UInt8]] {
        guard let frame = try? message.frame(), let (header, payload) = Self.parts(frame) else {
            preconditionFailure("our own message fits in a frame")
        }
        return server.handle(.frame(header, payload), from: &source, at: now).compactMap(Self.frame)
    }

    /// Returns what the client answers.
    private mutating func tell(_ event: BaseTemplateClient.Event) -> [BaseTemplateMessage] {
        var answers = [BaseTemplateMessage]()
        for action in client.handle(event, at: now, unixTime: NegotiationScene.start) {
            switch action {
            case .send(let message): answers.append(message)
            case .list(let entries): count(entries)
            case .mempool(let change):
                count(change.added)
                traffic.removed += change.mined.count + change.dropped.count
            case .tip: traffic.hasNewTip = true
            case .coinbase, .current, .wake: break
            case .lost, .refused, .ignored, .failed: preconditionFailure("a link without faults: \(action)")
            }
        }
        return answers
    }

    private mutating func count(_ entries: [MempoolEntry]) {
        traffic.added += entries.count
        traffic.addedWeight += entries.reduce(0) { $0 + $1.weight.weightUnits }
    }

    private static func frame(_ action: BaseTemplateServer.Action) -> [UInt8]? {
        if case .send(let frame) = action { frame } else { nil }
    }

    private static func parts(_ frame: [UInt8]) -> (FrameHeader, [UInt8])? {
        FrameHeader(frontOf: frame).map { ($0, Array(frame.dropFirst(FrameHeader.byteCount))) }
    }
}

extension NegotiationBench {
    /// Candidates of which nothing was recorded: a list, and a minute in which five come and four go each second.
    func madeUpLists() -> [BaseTemplateFigures] {
        var candidates = NegotiationScene.entries(scale.candidates)
        var fresh = NegotiationScene.entries(5 * 60, from: UInt32(scale.candidates))[...]
        var link = BaseTemplateLink(tip: 1, candidates)
        let list = BaseTemplateFigures(
            "full list of \(candidates.count)", isMadeUp: true, link.takeTraffic(),
            transactionByteCount: Self.size(of: candidates))
        var size = 0
        for second in 0..<60 {
            for turn in 0..<4 where candidates.count > 1 {
                candidates.remove(at: (second * 977 + turn * 3_571) % candidates.count)
            }
            for turn in 0..<5 {
                guard let entry = fresh.popFirst() else { break }
                size += entry.wireBytes.count
                candidates.insert(entry, at: (second * 1_613 + turn * 2_221) % candidates.count)
            }
            link.offer(candidates, after: .seconds(1))
        }
        let minute = BaseTemplateFigures(
            "a minute without a block", isMadeUp: true, link.takeTraffic(), transactionByteCount: size)
        return [list, minute]
    }

    static func size(of entries: [MempoolEntry]) -> Int { entries.reduce(0) { $0 + $1.wireBytes.count } }
}
