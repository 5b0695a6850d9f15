import BitcoinPrimitives
import BlockRoutes
import Glibc
import LiveSources
import NIOCore
import NIOPosix
import NIOSupport
import NodeConnections
import NodeSupport
import StateFiles
import Testing

@testable import BlockPublishing

@Suite(.serialized, .timeLimit(.minutes(3))) struct PublisherTests {
    @Test func `a found block is in its file at once, goes to every node, and their tips confirm it`()
        async throws
    {
        try await withLoop { loop in
            let folder = try Folder()
            let nodes = [0, 1].map { _ in TakingNode(tip: root, height: 199, on: loop) }
            let servers = [try await nodes[0].serve(), try await nodes[1].serve()]
            let desk = Desk(
                BlockStore(folder: folder.path), nodes: servers.map { endpoint($0.port) }, on: loop)
            #expect(try await desk.start().blocks.isEmpty)
            let block = mined(1)
            try await desk.found(block)
            #expect(folder.blocks.count == 1)
            for route in [BlockRoute.node(0), .node(1)] {
                try await eventually { desk.said.all.contains(.answered(block.hash, route, .accepted)) }
            }
            try await eventually {
                desk.said.all.contains { if case .confirmed = $0 { true } else { false } }
            }
            #expect(nodes.map(\.taken) == [[block.hash], [block.hash]])
            // Buried below six more, it is settled, and no start takes it up.
            nodes[1].move(to: Hash256(hashing: [1, 1]), height: 206)
            try await eventually { desk.said.all.contains(.settled(block.hash, .confirmed)) }
            try await desk.stop()
            #expect(folder.blocks.isEmpty && folder.settled.count == 1)
            for server in servers { try await server.stop() }
        }
    }

    @Test func `what a program that died had written, the next start sends`() async throws {
        try await withLoop { loop in
            let folder = try Folder()
            let node = TakingNode(tip: root, height: 199, on: loop)
            let port = try await unusedPort(on: loop)
            let block = mined(1)
            do {
                // The node is down, and the program is gone before the disk was asked for anything.
                let desk = Desk(BlockStore(folder: folder.path), nodes: [endpoint(port)], on: loop)
                try await desk.start()
                try await desk.found(block)
                try await loop.submit { desk.nodes?.stop() }.get()
            }
            let server = try await node.serve(port: port)
            let desk = Desk(BlockStore(folder: folder.path), nodes: [endpoint(port)], on: loop)
            let start = try await desk.start()
            #expect(start.blocks == [block.name] && start.troubles.isEmpty)
            try await eventually { desk.said.all.contains(.answered(block.hash, .node(0), .accepted)) }
            #expect(node.taken == [block.hash])
            try await eventually { desk.said.all.contains(.confirmed(block.hash, .node(0))) }
            try await desk.stop()
            #expect(folder.blocks.count == 1, "it is not buried yet: the third start would look at it again")
            try await server.stop()
        }
    }

    @Test func `a node that is down gets the block when it is there`() async throws {
        try await withLoop { loop in
            let folder = try Folder()
            let port = try await unusedPort(on: loop)
            let node = TakingNode(tip: root, height: 199, on: loop)
            let desk = Desk(BlockStore(folder: folder.path), nodes: [endpoint(port)], on: loop)
            try await desk.start()
            let block = mined(1)
            try await desk.found(block)
            try await eventually {
                desk.said.all.contains { if case .answered(_, _, .failed) = $0 { true } else { false } }
            }
            try await eventually { !desk.alarms.isEmpty }
            let alarm = desk.sentences.all.first { $0.contains("in no node's best chain") }
            #expect(alarm?.contains("refuses the connection: does it run") == true)
            #expect(alarm?.contains("bitcoin-cli -stdin submitblock") == true)
            let server = try await node.serve(port: port)
            try await eventually { desk.said.all.contains(.confirmed(block.hash, .node(0))) }
            try await desk.stop()
            try await server.stop()
        }
    }

    @Test func `a node that says nothing keeps no other one waiting, and one that refuses is heard`()
        async throws
    {
        try await withLoop { loop in
            let folder = try Folder()
            let nodes = (0..<3).map { _ in TakingNode(tip: root, height: 199, on: loop) }
            nodes[0].fallSilent(true)
            nodes[1].say("\"bad-cb-amount\"")
            var servers = [NodeServer]()
            for node in nodes { servers.append(try await node.serve()) }
            let desk = Desk(
                BlockStore(folder: folder.path), nodes: servers.map { endpoint($0.port) }, on: loop)
            try await desk.start()
            let block = mined(1)
            try await desk.found(block)
            try await eventually { desk.said.all.contains(.confirmed(block.hash, .node(2))) }
            #expect(desk.said.all.contains(.answered(block.hash, .node(1), .refused("bad-cb-amount"))))
            #expect(nodes[0].taken == [block.hash])
            try await desk.stop()
            for server in servers { try await server.stop() }
        }
    }

    @Test func `a node that does not know the parent is asked again when its chain has moved`() async throws {
        try await withLoop { loop in
            let folder = try Folder()
            let node = TakingNode(tip: Hash256(hashing: [3]), height: 198, on: loop)
            let server = try await node.serve()
            let desk = Desk(BlockStore(folder: folder.path), nodes: [endpoint(server.port)], on: loop)
            try await desk.start()
            let block = mined(1)
            try await desk.found(block)
            try await eventually { desk.said.all.contains(.answered(block.hash, .node(0), .parentUnknown)) }
            node.move(to: root, height: 199)
            try await eventually { desk.said.all.contains(.answered(block.hash, .node(0), .accepted)) }
            try await eventually { desk.said.all.contains(.confirmed(block.hash, .node(0))) }
            try await desk.stop()
            try await server.stop()
        }
    }

    @Test func `two blocks within a moment, one on the other, are both confirmed`() async throws {
        try await withLoop { loop in
            let folder = try Folder()
            let node = TakingNode(tip: root, height: 199, on: loop)
            let server = try await node.serve()
            let desk = Desk(BlockStore(folder: folder.path), nodes: [endpoint(server.port)], on: loop)
            try await desk.start()
            let first = mined(1)
            let second = mined(2, on: first.hash, height: 201)
            try await desk.found(first, second)
            #expect(folder.blocks.count == 2)
            try await eventually { desk.said.all.contains(.confirmed(second.hash, .node(0))) }
            try await eventually { desk.said.all.contains(.confirmed(first.hash, .node(0))) }
            #expect(node.taken.prefix(2) == [first.hash, second.hash])
            try await desk.stop()
            try await server.stop()
        }
    }

    @Test func `a node that tells the second of two blocks only has confirmed the first one too`()
        async throws
    {
        try await withLoop { loop in
            let folder = try Folder()
            let node = TakingNode(tip: root, height: 199, on: loop)
            node.fallSilent(true)
            let server = try await node.serve()
            let desk = Desk(BlockStore(folder: folder.path), nodes: [endpoint(server.port)], on: loop)
            try await desk.start()
            let first = mined(1)
            let second = mined(2, on: first.hash, height: 201)
            try await desk.found(first, second)
            node.move(to: second.hash, height: 201)
            try await eventually { desk.said.all.contains(.confirmed(first.hash, .node(0))) }
            #expect(desk.said.all.contains(.confirmed(second.hash, .node(0))))
            try await desk.stop()
            try await server.stop()
        }
    }

    @Test func `a full disk is said loudly, keeps no route waiting, and is written to when there is room`()
        async throws
    {
        try await withLoop { loop in
            let folder = try Folder()
            let files = FailingFiles()
            let node = TakingNode(tip: root, height: 199, on: loop)
            let server = try await node.serve()
            let desk = Desk(
                BlockStore(folder: folder.path, calls: files), nodes: [endpoint(server.port)], on: loop)
            try await desk.start()
            files.fail("write", with: ENOSPC)
            let block = mined(1)
            try await desk.found(block)
            #expect(folder.blocks.isEmpty)
            guard case .notWritten(let why)? = desk.alarms.first?.reason else {
                Issue.record("nothing was said: \(desk.said.all)")
                return
            }
            #expect(why.contains("the disk is full") && why.contains(folder.path))
            try await eventually { desk.said.all.contains(.answered(block.hash, .node(0), .accepted)) }
            files.heal()
            try await eventually { folder.blocks.count == 1 }
            try await desk.stop()
            #expect(BlockStore(folder: folder.path).path(of: block.name).hasSuffix(folder.blocks[0]))
            try await server.stop()
        }
    }

    @Test func `a disk that does not keep what it was given is said loudly`() async throws {
        try await withLoop { loop in
            let folder = try Folder()
            let files = FailingFiles()
            let desk = Desk(BlockStore(folder: folder.path, calls: files), on: loop)
            try await desk.start()
            files.fail("fsync", with: EIO)
            let block = mined(1)
            try await desk.found(block)
            try await eventually { !desk.alarms.isEmpty }
            guard case .notOnDisk? = desk.alarms.first?.reason else {
                Issue.record("\(desk.alarms)")
                return
            }
            #expect(desk.sentences.all.contains { $0.contains("power cut") && $0.contains("check the disk") })
            try await desk.stop()
        }
    }

    @Test(arguments: [EACCES, EROFS])
    func `a folder that cannot be written to is known at the start, before anything is mined`(errno: CInt)
        async throws
    {
        try await withLoop { loop in
            let folder = try Folder()
            let files = FailingFiles()
            files.fail("mkdir", with: errno)
            let desk = Desk(BlockStore(folder: "\(folder.path)/blocks", calls: files), on: loop)
            await #expect(throws: StateFault.noPermission(path: "\(folder.path)/blocks")) {
                try await desk.start()
            }
            // The operator has set it right.
            files.heal()
            #expect(try await desk.start().blocks.isEmpty)
            try await desk.stop()
        }
    }

    @Test func `a damaged file is named, and does not keep the others back`() async throws {
        try await withLoop { loop in
            let folder = try Folder()
            let store = BlockStore(folder: folder.path)
            _ = try store.open()
            let (good, bad) = (mined(1), mined(2, height: 201))
            for block in [good, bad] { try store.write(block) }
            #expect(truncate(store.path(of: bad.name), 100) == 0)
            let node = TakingNode(tip: root, height: 199, on: loop)
            let server = try await node.serve()
            let desk = Desk(BlockStore(folder: folder.path), nodes: [endpoint(server.port)], on: loop)
            let start = try await desk.start()
            #expect(start.blocks == [good.name])
            #expect(
                start.troubles == [.unusableFile(.damagedBlock(path: store.path(of: bad.name), .notABlock))])
            try await eventually { desk.said.all.contains(.confirmed(good.hash, .node(0))) }
            #expect(node.taken == [good.hash])
            try await desk.stop()
            #expect(folder.blocks.count == 2)
            try await server.stop()
        }
    }

    @Test func `a block found while the program stops is in its file for the next start`() async throws {
        try await withLoop { loop in
            let folder = try Folder()
            let desk = Desk(BlockStore(folder: folder.path), on: loop)
            try await desk.start()
            try await desk.stop()
            let block = mined(1)
            try await desk.found(block)
            #expect(try BlockStore(folder: folder.path).open().blocks == [block.name])
            try await desk.stop()
            #expect(desk.said.all.isEmpty)
        }
    }

    @Test func `the miner is asked to send again when an upstream that remembers comes back`() async throws {
        try await withLoop { loop in
            let folder = try Folder()
            let desk = Desk(BlockStore(folder: folder.path), on: loop)
            try await desk.start()
            let block = mined(1, upstream: [.pool(3), .jobDeclarator(3)])
            try await desk.found(block)
            try await loop.submit {
                desk.publisher.answered(block.hash, .jobDeclarator(3), .sent)
                desk.publisher.down(.pool(3))
                desk.publisher.up(.pool(3), remembers: true)
                desk.publisher.answered(block.hash, .pool(3), attempt: 2, .accepted)
                // Nothing of it is sent again once it is answered.
                desk.publisher.down(.pool(3))
                desk.publisher.up(.pool(3), remembers: true)
            }.get()
            #expect(
                desk.said.all == [
                    .answered(block.hash, .jobDeclarator(3), .sent), .again(block.hash, .pool(3), 2),
                    .answered(block.hash, .pool(3), .accepted),
                ])
            #expect(
                desk.sentences.all.last == "Block \(block.hash.displayHex): the pool example.org took it.")
            try await desk.stop()
        }
    }
}
