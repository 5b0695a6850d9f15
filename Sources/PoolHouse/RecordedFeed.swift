import BitcoinPrimitives
import NIOCore
import NodeCapture
import PoolServer
import RecordedNode
import Transports

/// A node played from a recording, for tests: its blocks are worth nothing.
///
/// Sendable by confinement: everything happens on `loop`.
final class RecordedFeed: NodeFeed, @unchecked Sendable {
    private static let place = "the recording"
    private let loop: any EventLoop
    private var node: RecordedNode
    private var observe: (@Sendable (FeedNews) -> Void)?

    /// - Parameter blockTarget: what blocks must meet; `nil` is what the recorded chain asks.
    init(_ node: RecordedNode, blockTarget: Target?, on loop: any EventLoop) {
        self.loop = loop
        self.node = node
        if let blockTarget { self.node.blockTarget = blockTarget }
    }

    /// The node that a file holds.
    static func node(file path: String, seed: UInt64) throws(HouseFault) -> RecordedNode {
        do throws(CaptureFault) {
            return try NodeCapture.node(
                playing: try NodeCapture.recording(file: path), seed: seed, source: path)
        } catch {
            throw .recording("\(error)")
        }
    }

    func start(observe: @escaping @Sendable (FeedNews) -> Void) {
        loop.execute {
            self.observe = observe
            observe(.chain("regtest", place: Self.place))
            self.tellTip()
        }
    }

    func stop() async { try? await loop.submit { self.observe = nil }.get() }

    func propose(_ block: [UInt8], done: @escaping @Sendable (PoolVerdict) -> Void) {
        loop.execute {
            let refusal = self.node.propose(block, unixTime: unixTime())
            done(refusal.map { .refused($0.reasonCode) } ?? .acceptable)
        }
    }

    func publish(_ block: [UInt8], done: @escaping @Sendable (BlockFate) -> Void) {
        loop.execute {
            switch self.node.submit(block, unixTime: unixTime()) {
            case .accepted:
                done(.accepted(place: Self.place))
                self.tellTip()
                _ = self.node.refill()
            case .duplicate: done(.accepted(place: Self.place))
            case .refused(let refusal): done(.refused(place: Self.place, reason: refusal.reasonCode))
            }
        }
    }

    private func tellTip() {
        observe?(.tip(node.nextBlock(unixTime: unixTime())))
        observe?(.candidates(node.template))
    }
}
