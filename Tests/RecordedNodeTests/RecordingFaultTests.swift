import BitcoinPrimitives
import TestSupport
import Testing

@testable import RecordedNode

/// Ways to contradict a good recording.
@Test func `a recording that contradicts itself is refused with its place`() throws {
    let good = try Capture.recording.get()
    func fault(_ change: (inout Recording) -> Void) -> RecordingFault? {
        var recording = good
        // A tenth of the mempool would lose parents; the faults below are found before that matters, or
        // early.
        change(&recording)
        do throws(RecordingFault) {
            _ = try RecordedNode(capture: recording, seed: 1)
            return nil
        } catch {
            return error
        }
    }
    #expect(fault { $0.blocks = [] } == .noBlocks)
    #expect(fault { $0.blocks.removeFirst() } == .notRegtest(genesis: good.blocks[1].header.hash))
    guard case .block(height: 5, .unknownParent) = fault({ $0.blocks.remove(at: 5) }) else {
        return #expect(Bool(false))
    }
    guard case .block(height: 9, .wrongMerkleRoot) = fault({ $0.blocks[9].transactions[0].lockTime = 1 })
    else {
        return #expect(Bool(false))
    }
    let first = good.mempool[0]
    #expect(fault { $0.mempool.append(first) } == .duplicateEntry(first.txid))
    #expect(
        fault { $0.mempool[0].fee = .zero } == .feeDiffers(first.txid, recorded: .zero, computed: first.fee))
    #expect(
        fault { $0.mempool[0].weight = .zero }
            == .weightDiffers(first.txid, recorded: .zero, computed: first.weight))
    guard case .txidDiffers = fault({ $0.mempool[0].transaction.lockTime = 1 }) else {
        return #expect(Bool(false))
    }
    guard case .entry(_, .inputMissingOrSpent) = fault({ $0.mempool = [first] }) else {
        return #expect(Bool(false))
    }
    guard case .template(.previousBlock) = fault({ $0.blocks.removeLast() }) else {
        return #expect(Bool(false))
    }
    #expect(
        fault { $0.template.figures.fees += Satoshis(rawValue: 1) }
            == .template(
                .figures(
                    TemplateFigures(
                        transactions: 3_657, fees: Satoshis(rawValue: 57_061_391),
                        weight: Weight(weightUnits: 3_991_873)),
                    computed: good.template.figures)))
}
