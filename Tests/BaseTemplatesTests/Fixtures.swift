import BaseTemplates
import BitcoinPrimitives
import SV2Codec
import TemplateBuilding
import TestSupport
import Units

let clock: UInt32 = 1_800_000_000

func id(_ number: Int, _ salt: UInt8 = 0) -> Hash256 {
    Hash256(hashing: withUnsafeBytes(of: number.littleEndian) { Array($0) } + [salt])
}

func txid(_ number: Int) -> Txid { Txid(id(number)) }

func entry(
    _ number: Int, fee: UInt64 = 1_000, weight: UInt64 = 600, sigops: Int = 1, parents: [Int] = []
) -> MempoolEntry {
    MempoolEntry(
        txid: txid(number), wtxid: Wtxid(id(number, number % 3 == 0 ? 0 : 1)),
        weight: Weight(weightUnits: weight), sigopCost: sigops, fee: Satoshis(rawValue: fee),
        parents: parents.map(txid), wireBytes: [])
}

func next(_ tip: Int, height: UInt32? = nil, bits: UInt32 = 0x1703_255b) -> NextBlock {
    let height = height ?? 900_000 + UInt32(tip)
    let target = CompactTarget(bits: bits)
    return NextBlock(
        previousBlock: id(tip, 9), height: height, version: 0x2000_0000, bits: target,
        blockTarget: target.target ?? .max, minimumTime: clock - 1_000 + UInt32(tip), currentTime: clock,
        subsidy: SubsidySchedule.mainnet.subsidy(at: height))
}

let payoutScript = hex("0014 000102030405060708090a0b0c0d0e0f10111213")
let rules = CoinbaseRules(
    demands: [.init(value: Satoshis(rawValue: 0), share: 1_000_000, script: payoutScript)],
    maximumAdditionalSize: 200, maximumAdditionalSigops: 80)

func instant(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

/// One server and its clients in one thread: what is sent waits in a pipe until it is delivered.
struct Rig {
    var source: BaseTemplateSource
    var server = BaseTemplateServer()
    var client: BaseTemplateClient
    var light = LightTemplates(seed: 7)
    /// Frames on their way to the client and back.
    var down: [[UInt8]] = []
    var up: [[UInt8]] = []
    var heard: [BaseTemplateClient.Action] = []
    var served: [BaseTemplateServer.Action] = []
    var now = instant(0)

    init(
        source: BaseTemplateSource.Configuration = .init(), client: BaseTemplateClient.Configuration = .init()
    ) {
        self.source = BaseTemplateSource(source, rules: rules)
        self.client = BaseTemplateClient(client)
    }

    mutating func begin() { tell(.negotiated([BaseTemplateExtension.extensionType])) }

    mutating func tell(_ event: BaseTemplateClient.Event) {
        let actions = client.handle(event, at: now, unixTime: clock)
        light.take(actions)
        for action in actions {
            if case .send(let message) = action { up.append((try? message.frame()) ?? []) }
        }
        heard += actions
    }

    mutating func serve(_ event: BaseTemplateServer.Event) {
        let actions = server.handle(event, from: &source, at: now)
        for action in actions { if case .send(let frame) = action { down.append(frame) } }
        served += actions
    }

    mutating func offer(_ event: BaseTemplateSource.Event) {
        let actions = source.handle(event, at: now, unixTime: clock)
        if actions.contains(.published) { serve(.published) }
    }

    /// Delivers the oldest frame of one direction. Returns whether there was any.
    mutating func deliverDown() -> Bool {
        guard !down.isEmpty else { return false }
        let frame = down.removeFirst()
        guard let header = FrameHeader(frontOf: frame) else { return true }
        tell(.frame(header, Array(frame.dropFirst(6))))
        return true
    }

    mutating func deliverUp() -> Bool {
        guard !up.isEmpty else { return false }
        let frame = up.removeFirst()
        guard let header = FrameHeader(frontOf: frame) else { return true }
        serve(.frame(header, Array(frame.dropFirst(6))))
        return true
    }

    mutating func settle() {
        while true {
            if deliverUp() { continue }
            if deliverDown() { continue }
            return
        }
    }

    /// Lets time pass, with every timer in its place.
    mutating func wait(_ milliseconds: Int64) {
        let end = now + .milliseconds(milliseconds)
        while true {
            let due = [client.nextDeadline, server.nextDeadline, source.nextDeadline].compactMap { $0 }.min()
            guard let due, due <= end else { break }
            now = max(now, due)
            if let at = source.nextDeadline, at <= now { offer(.woke) }
            if let at = server.nextDeadline, at <= now { serve(.woke) }
            if let at = client.nextDeadline, at <= now { tell(.woke) }
            settle()
        }
        now = end
    }

    /// Sends the client a message of our own making.
    mutating func say(_ message: BaseTemplateMessage) {
        down.append((try? message.frame()) ?? [])
        while deliverDown() {}
    }

    var fault: BaseTemplateFault? {
        for action in heard { if case .failed(let fault) = action { return fault } }
        return nil
    }

    var lost: [BaseTemplateLoss] {
        heard.compactMap { if case .lost(let loss) = $0 { loss } else { nil } }
    }
}

/// A chain with some families: every fifth spends from the two before it.
func mempool(_ numbers: Range<Int>) -> [MempoolEntry] {
    numbers.map { number in
        let parents = number % 5 == 4 ? [number - 2, number - 1].filter(numbers.contains) : []
        return entry(
            number, fee: UInt64(500 + number * 7_919 % 90_000), weight: UInt64(400 + number * 31 % 3_000),
            sigops: number % 7, parents: parents)
    }
}
