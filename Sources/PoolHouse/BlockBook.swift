import BitcoinPrimitives
import PoolLedger

/// The last found blocks, and what is known of each: shares, answers of nodes and tips come in any order.
struct BlockBook {
    /// Then the oldest is forgotten; the ledger has it.
    static let most = 64

    private var blocks: [HouseBlock] = []

    func isKnown(_ hash: Hash256) -> Bool { index(of: hash) != nil }

    /// A block's share was accepted. Returns the block with what was known of it before, if there was anything.
    mutating func found(_ block: HouseBlock) -> HouseBlock? {
        guard let index = index(of: block.hash) else {
            append(block)
            return nil
        }
        blocks[index].height = block.height
        blocks[index].user = block.user
        blocks[index].isClients = block.isClients
        return blocks[index].state == .found ? nil : blocks[index]
    }

    /// A node has answered, or none has.
    mutating func settle(_ hash: Hash256, _ fate: BlockFate) -> HouseBlock {
        let index = index(of: hash) ?? append(HouseBlock(hash: hash, state: .found, isClients: false))
        guard blocks[index].state != .inChain else { return blocks[index] }
        switch fate {
        case .accepted: (blocks[index].state, blocks[index].detail) = (.accepted, nil)
        case .refused(let place, let reason):
            (blocks[index].state, blocks[index].detail) = (.refused, "\(reason) (\(place))")
        case .unanswered(let reason): (blocks[index].state, blocks[index].detail) = (.unanswered, reason)
        }
        return blocks[index]
    }

    /// A node builds on it. `nil` when that is not news.
    mutating func inChain(_ hash: Hash256) -> HouseBlock? {
        guard let index = index(of: hash), blocks[index].state != .inChain else { return nil }
        (blocks[index].state, blocks[index].detail) = (.inChain, nil)
        return blocks[index]
    }

    private func index(of hash: Hash256) -> Int? { blocks.lastIndex { $0.hash == hash } }

    @discardableResult
    private mutating func append(_ block: HouseBlock) -> Int {
        if blocks.count == Self.most { blocks.removeFirst() }
        blocks.append(block)
        return blocks.count - 1
    }
}
