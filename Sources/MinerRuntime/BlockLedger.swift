import BitcoinPrimitives
import Dispatch
import Synchronization
import Transports

/// Keeps what the demo found: accepted blocks, their file, and whether both sides assembled the same bytes.
///
/// Called from several loops; what is shared is behind one lock, and the disk is waited for on a thread of its own.
final class BlockLedger: Sendable {
    enum Source: Sendable { case miner, pool }

    struct Totals: Sendable {
        var accepted = 0
        var last: Hash256?
        /// Blocks that the miner and the pool handed in, byte for byte the same.
        var agreed = 0
        /// The first ones; at most `BlockLedger.rememberedFailures`.
        var failures: [String] = []

        mutating func fail(_ sentence: String) {
            if failures.count < BlockLedger.rememberedFailures { failures.append(sentence) }
        }
    }

    private struct State: Sendable {
        var totals = Totals()
        /// The newest submissions that only one side has made so far; at most `remembered`.
        var onesided: [(hash: Hash256, bytes: [UInt8], source: Source)] = []
    }

    private static let remembered = 8
    static let rememberedFailures = 8

    private let state = Mutex(State())
    private let file: FileSink?
    private let disk = DispatchQueue(label: "adit.blocks")

    init(file: FileSink?) { self.file = file }

    /// A block is handed to the node by one of the two sides that assemble it.
    func submitted(_ bytes: [UInt8], hash: Hash256, by source: Source) {
        state.withLock { state in
            guard let index = state.onesided.firstIndex(where: { $0.hash == hash && $0.source != source })
            else {
                state.onesided.append((hash, bytes, source))
                if state.onesided.count > Self.remembered { state.onesided.removeFirst() }
                return
            }
            let other = state.onesided.remove(at: index)
            if other.bytes == bytes {
                state.totals.agreed += 1
            } else {
                state.totals.fail("miner and pool assembled different bytes for block \(hash.displayHex)")
            }
        }
    }

    /// The node has taken a block. Its line is on the disk before `drain` returns.
    func accepted(_ bytes: [UInt8], hash: Hash256, failed: @escaping @Sendable (String) -> Void) {
        state.withLock {
            $0.totals.accepted += 1
            $0.totals.last = hash
        }
        guard let file else { return }
        disk.async {
            do throws(FileSinkError) {
                try file.append(line: bytes.hex)
            } catch {
                let sentence = "--block-out: \(error)"
                let isFirst = self.state.withLock { state in
                    defer { state.totals.fail(sentence) }
                    return state.totals.failures.isEmpty
                }
                if isFirst { failed(sentence) }
            }
        }
    }

    func fail(_ sentence: String) { state.withLock { $0.totals.fail(sentence) } }

    /// Waits for the disk, and tells how it went.
    func drain() -> Totals {
        disk.sync {}
        return state.withLock { $0.totals }
    }

    var totals: Totals { state.withLock { $0.totals } }
}
