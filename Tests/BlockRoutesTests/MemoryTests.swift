import BitcoinPrimitives
import BlockRoutes
import Testing
import Units

@Suite struct MemoryTests {
    /// Blocks with different hashes, found one after the other and written.
    private func full(_ delivery: inout BlockDelivery) -> [MinedBlock] {
        let blocks = (0..<UInt32(BlockDelivery.maximumBlocks)).map { block($0, height: 100 + $0 % 2) }
        for (index, block) in blocks.enumerated() {
            _ = delivery.handle(.found(block), at: at(Int64(index)))
            _ = delivery.handle(.written(block.hash), at: at(Int64(index)))
        }
        return blocks
    }

    @Test
    func
        `when memory is full, the oldest confirmed block goes first, then the oldest replaced, then the oldest`()
    {
        var delivery = BlockDelivery(nodes: 1, hasPeers: false)
        let blocks = full(&delivery)
        // Of the two heights the node has blocks 4 and 5, so the others are replaced.
        _ = delivery.handle(
            .tip(.node(0), ChainTip(hash: blocks[5].hash, height: 101, ancestors: [blocks[4].hash])),
            at: at(50))
        var gone = [BlockOutcome]()
        for number in UInt32(50)..<60 {
            let actions = delivery.handle(.found(block(number, height: 102)), at: at(Int64(number)))
            #expect(actions.sends == [.node(0)])
            gone += actions.settled
            if number == 57 {
                #expect(gone == [.confirmed, .confirmed] + Array(repeating: .replaced, count: 6))
            }
            #expect(delivery.count == BlockDelivery.maximumBlocks)
        }
        // The last two had nothing that anybody decided; no file holds them either.
        #expect(gone.count == 8)
    }

    @Test func `a block that goes undecided comes back from its file when there is room`() {
        var delivery = BlockDelivery(nodes: 1, hasPeers: false)
        let blocks = full(&delivery)
        let actions = delivery.handle(.found(block(90, height: 103)), at: at(90))
        #expect(actions.notices == [.setAside(blocks[0].name)] && actions.loads.isEmpty)
        // A tip with six blocks on top of what was found settles those that have their answer.
        for block in blocks.dropFirst() {
            _ = delivery.handle(.answered(block.hash, .node(0), attempt: 1, .stale), at: at(91))
        }
        let settled = delivery.handle(.tip(.node(0), ChainTip(hash: other(1), height: 107)), at: at(92))
        #expect(settled.settled == Array(repeating: .delivered, count: 7))
        #expect(settled.loads == [blocks[0].name])
        let back = delivery.handle(.loaded(blocks[0].name, blocks[0]), at: at(93))
        #expect(back.sends == [.node(0)] && !back.contains(.write(blocks[0])))
    }

    @Test func `a block that goes without a file is an alarm`() {
        var delivery = BlockDelivery(nodes: 0, hasPeers: true)
        for number in 0..<UInt32(BlockDelivery.maximumBlocks) {
            _ = delivery.handle(.found(block(number)), at: at(0))
            _ = delivery.handle(.writeFailed(block(number).hash, "full"), at: at(0))
        }
        #expect(delivery.handle(.found(block(99)), at: at(1)).alarms.map(\.reason) == [.dropped])
    }

    @Test func `the files of before the start are read one by one, the highest first, and submitted`() {
        var delivery = BlockDelivery(nodes: 1, hasPeers: true)
        let blocks = (0..<6).map { block($0, height: 100 + $0) }
        let first = delivery.handle(.stored(blocks.map(\.name)), at: at(0))
        #expect(first.loads == [blocks[5].name])
        // One that cannot be read is left alone.
        #expect(delivery.handle(.loaded(blocks[5].name, nil), at: at(1)).loads == [blocks[4].name])
        for number in [4, 3, 2, 1] {
            let actions = delivery.handle(.loaded(blocks[number].name, blocks[number]), at: at(2))
            #expect(actions.sends == [.node(0), .peers] && !actions.contains(.write(blocks[number])))
            // Half of the room is for blocks that are found now.
            #expect(actions.loads == (number > 1 ? [blocks[number - 1].name] : []))
        }
        // What nobody asked for.
        #expect(delivery.handle(.loaded(blocks[0].name, blocks[0]), at: at(3)).isEmpty)
        for route in [BlockRoute.node(0), .peers] {
            _ = delivery.handle(.answered(blocks[1].hash, route, attempt: 1, .duplicate), at: at(4))
        }
        let tip = delivery.handle(.tip(.node(0), ChainTip(hash: other(1), height: 107)), at: at(5))
        #expect(tip.settled == [.delivered] && tip.loads == [blocks[0].name])
    }

    @Test func `more files than can wait are left for the next start, and that is said`() {
        var delivery = BlockDelivery(nodes: 1, hasPeers: false)
        let many = (0..<1_005).map { StoredBlock(hash: other(UInt32($0 % 256)), height: UInt32($0)) }
        let actions = delivery.handle(.stored(many), at: at(0))
        #expect(actions.notices == [.tooManyStored(5)])
        #expect(actions.loads == [many[1_004]])
    }

    @Test func `heights at the ends of their range do no harm`() {
        var delivery = BlockDelivery(nodes: 1, hasPeers: false)
        for height in [UInt32.min, .max] {
            _ = delivery.handle(.found(block(height, height: height)), at: at(0))
            for top in [UInt32.min, .max] {
                let tip = ChainTip(hash: other(1), height: top, ancestors: (0..<20).map(other))
                _ = delivery.handle(.tip(.node(0), tip), at: at(1))
            }
        }
    }
}
