import BitcoinPrimitives
import BlockPublishing
import BlockRoutes
import Glibc
import NIOCore
import NIOSupport
import NodeSupport
import Payouts
import StateFiles
import Testing

private let key = """
    xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH
    """

@Suite(.serialized, .timeLimit(.minutes(2))) struct PayoutTests {
    private let descriptor: PayoutDescriptor
    private let folder: Folder

    init() throws {
        descriptor = try PayoutDescriptor("wpkh(\(key)/1/2/*)", on: .main)
        folder = try Folder()
    }

    private func account(_ files: any FileCalls = SystemFiles()) -> PayoutAccount {
        PayoutAccount(
            file: PayoutIndexFile(path: "\(folder.path)/payout", calls: files), descriptor: descriptor,
            first: 5)
    }
    private func script(_ index: UInt32) throws -> [UInt8] { try #require(descriptor.script(at: index)) }
    private func saved() throws -> UInt32 {
        try PayoutIndexFile(path: "\(folder.path)/payout").load(descriptor).current
    }

    @Test func `each found block moves the payout on, and the file follows`() async throws {
        try await withLoop { loop in
            let desk = Desk(BlockStore(folder: "\(folder.path)/blocks"), payouts: account(), on: loop)
            let first = try await desk.start().payout
            #expect(try first?.index == 5 && first?.script == script(5) && first?.isLast == false)
            let one = mined(1, paying: try script(5))
            try await desk.found(one, mined(2, on: one.hash, height: 201, paying: try script(5)))
            // The second one was mined before the miner heard of the first.
            #expect(desk.said.all.filter { if case .payout = $0 { true } else { false } } == [.payout(6)])
            try await eventually { (try? saved()) == 6 }
            try await desk.found(mined(3, on: one.hash, height: 201, paying: try script(6)))
            try await eventually { (try? saved()) == 7 }
            try await desk.stop()
        }
    }

    @Test func `a block whose payout was not counted before the crash is counted at the start`() async throws
    {
        try await withLoop { loop in
            let store = BlockStore(folder: "\(folder.path)/blocks")
            _ = try store.open()
            for (number, index) in [(UInt32(1), UInt32(5)), (2, 6)] {
                try store.write(mined(number, height: 200 + number, paying: try script(index)))
            }
            let desk = Desk(BlockStore(folder: "\(folder.path)/blocks"), payouts: account(), on: loop)
            let start = try await desk.start()
            #expect(try start.payout?.index == 7 && start.payout?.script == script(7))
            #expect(try saved() == 7)
            try await desk.stop()
        }
    }

    @Test func `while the index cannot be saved no block's file is settled, and the next start counts again`()
        async throws
    {
        try await withLoop { loop in
            let files = FailingFiles()
            let node = TakingNode(tip: root, height: 199, on: loop)
            let server = try await node.serve()
            let desk = Desk(
                BlockStore(folder: "\(folder.path)/blocks"), nodes: [endpoint(server.port)],
                payouts: account(files),
                on: loop)
            try await desk.start()
            files.fail("write", with: ENOSPC)
            let block = mined(1, paying: try script(5))
            try await desk.found(block)
            try await eventually {
                desk.said.all.contains(.trouble(.indexNotSaved(.full(path: "\(folder.path)/payout"))))
            }
            try await eventually { desk.said.all.contains(.confirmed(block.hash, .node(0))) }
            node.move(to: Hash256(hashing: [1, 1]), height: 206)
            try await eventually { desk.said.all.contains(.settled(block.hash, .confirmed)) }
            try await desk.stop()
            files.heal()
            #expect(try BlockStore(folder: "\(folder.path)/blocks").open().blocks == [block.name])
            let next = Desk(BlockStore(folder: "\(folder.path)/blocks"), payouts: account(), on: loop)
            #expect(try await next.start().payout?.index == 6)
            try await next.stop()
            try await server.stop()
        }
    }

    @Test func `an index that cannot be trusted keeps the program from starting`() async throws {
        try await withLoop { loop in
            let path = "\(folder.path)/payout"
            let file = try SystemFiles().open(path, for: .replacing)
            _ = try SystemFiles().write([1, 2, 3], to: file)
            try SystemFiles().close(file)
            let desk = Desk(BlockStore(folder: "\(folder.path)/blocks"), payouts: account(), on: loop)
            await #expect(throws: StateFault.damagedIndex(path: path)) { try await desk.start() }
        }
    }
}
