public import BitcoinPrimitives
public import TemplateBuilding

/// A whole block, as it would be handed to a node.
public struct FinishedBlock: Hashable, Sendable {
    public enum Work: Hashable, Sendable {
        /// Meets its target with this nonce.
        case ground(nonce: UInt32)
        /// Nonce 0: only regtest's blocks are searched for.
        case unsearched
        /// Nonce 0, after so many tries.
        case givenUp(tries: UInt32)
    }

    /// Header, count and transactions.
    public var wireBytes: [UInt8]
    public var hash: Hash256
    public var work: Work

    /// As `submitblock` takes it.
    public var hex: String { wireBytes.hex }
}

extension FinishedBlock {
    /// Nonces that are tried: regtest asks for two on average.
    static let maximumTries: UInt32 = 1 << 22

    /// - Parameter isSearched: whether a nonce is searched for.
    public init(_ proposal: Proposal, isSearched: Bool) {
        let extranonce = [UInt8](repeating: 0, count: proposal.coinbase.extranonceSize)
        let coinbase = proposal.coinbase.transaction(extranonce: extranonce)
        var header = Header(
            version: proposal.next.version, previousBlock: proposal.next.previousBlock,
            merkleRoot: MerkleTree.root(leaf: coinbase.txid.hash, path: proposal.merklePath),
            time: proposal.next.currentTime, bits: proposal.next.bits, nonce: 0)
        work = isSearched ? Self.search(header, proposal.next) : .unsearched
        switch work {
        case .ground(let nonce): header.nonce = nonce
        case .unsearched, .givenUp: break
        }
        hash = header.hash
        wireBytes = proposal.blockBytes(header: header, extranonce: extranonce)
    }

    private static func search(_ header: Header, _ next: NextBlock) -> Work {
        guard let bound = header.bits.target else { return .givenUp(tries: 0) }
        let target = min(bound, next.blockTarget)
        let midstate = HeaderMidstate(header)
        for nonce in 0..<maximumTries where target.isMet(by: midstate.hash(time: header.time, nonce: nonce)) {
            return .ground(nonce: nonce)
        }
        return .givenUp(tries: maximumTries)
    }
}
