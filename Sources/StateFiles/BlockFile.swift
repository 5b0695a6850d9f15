import BitcoinPrimitives
import BlockRoutes

/// The form of a block's file: the serialized block and nothing else, named by height and hash, so that
/// `xxd -p -c 0 FILE | bitcoin-cli -stdin submitblock` takes it too.
enum BlockFile {
    /// The largest block: four million bytes of witness, and what frames them.
    static let limit = 4_100_000
    private static let ending = ".block"

    static func name(_ block: StoredBlock) -> String {
        let height = String(block.height)
        return String(repeating: "0", count: max(0, 8 - height.count))
            + "\(height)-\(block.hash.displayHex)\(ending)"
    }

    /// The name of a file that no start takes up again, with what became of the block.
    static func settledName(_ block: StoredBlock, _ outcome: BlockOutcome) -> String {
        name(block).dropLast(ending.count) + "-\(outcome)\(ending)"
    }

    /// The block that a name stands for; `nil` for names of other files.
    static func block(named name: String) -> StoredBlock? {
        guard name.hasSuffix(ending), let dash = name.firstIndex(of: "-"), let height = UInt32(name[..<dash]),
            let hash = Hash256(displayHex: name[name.index(after: dash)...].dropLast(ending.count))
        else { return nil }
        let block = StoredBlock(hash: hash, height: height)
        return Self.name(block) == name ? block : nil
    }

    /// Reads and checks what a power cut or a bad disk may have changed: everything but the rules of consensus.
    static func parse(_ bytes: [UInt8], _ name: StoredBlock) throws(BlockDamage) -> Block {
        guard !bytes.isEmpty else { throw .empty }
        guard let block = try? Block(wireBytes: bytes), let coinbase = block.transactions.first else {
            throw .notABlock
        }
        guard block.header.hash == name.hash else { throw .otherHash }
        do throws(CommitmentFault) {
            try checkCommitments(
                header: block.header, coinbase: coinbase, txids: block.transactions.map(\.txid),
                wtxids: block.transactions.dropFirst().map(\.wtxid))
        } catch {
            throw .commitment
        }
        return block
    }
}
