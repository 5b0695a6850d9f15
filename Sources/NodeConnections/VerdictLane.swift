import NIOCore
public import NodeRPC
import Transports

/// Why there is no verdict on a block. It may have reached the node all the same.
public enum VerdictFailure: Error, Hashable, Sendable {
    case call(CallFailure)
    case reply(ReplyFault)
    case answer(AnswerFault)
    /// Refused as a question: −22 for bytes that are no block.
    case node(NodeError)
    case timedOut(after: Duration)
    /// So many wait already.
    case queueFull(Int)
    case stopped
}

/// A connection of its own for blocks, so that none waits behind a look at the mempool.
///
/// Sendable by confinement: everything happens on `loop`.
final class VerdictLane: @unchecked Sendable {
    private struct Waiting {
        var call: NodeCall
        var promise: EventLoopPromise<BlockVerdict>
    }

    private let lane: HTTPLane
    private let loop: any EventLoop
    private var waiting: [Waiting] = []
    private var current: (promise: EventLoopPromise<BlockVerdict>, timer: Scheduled<Void>)?
    private var lastID: UInt64 = 0
    private var isStopped = false

    init(_ endpoint: NodeEndpoint, on loop: any EventLoop) {
        lane = HTTPLane(endpoint, on: loop)
        self.loop = loop
    }

    func ask(_ call: NodeCall) -> EventLoopFuture<BlockVerdict> {
        loop.preconditionInEventLoop()
        guard !isStopped else { return loop.makeFailedFuture(VerdictFailure.stopped) }
        guard waiting.count < LiveNodeService.maximumWaiting else {
            return loop.makeFailedFuture(VerdictFailure.queueFull(waiting.count))
        }
        let promise = loop.makePromise(of: BlockVerdict.self)
        waiting.append(Waiting(call: call, promise: promise))
        next()
        return promise.futureResult
    }

    func stop() {
        isStopped = true
        lane.abandon()
        current?.timer.cancel()
        current?.promise.fail(VerdictFailure.stopped)
        current = nil
        for item in waiting { item.promise.fail(VerdictFailure.stopped) }
        waiting = []
    }

    private func next() {
        guard current == nil, !waiting.isEmpty else { return }
        let item = waiting.removeFirst()
        lastID += 1
        let request = NodeRequest(firstID: lastID, calls: [item.call])
        let timer = loop.scheduleTask(in: TimeAmount(LiveNodeService.verdictDeadline)) {
            self.lane.abandon()
            self.end(.failure(.timedOut(after: LiveNodeService.verdictDeadline)))
        }
        current = (item.promise, timer)
        lane.ask(request.body) { self.end(VerdictLane.verdict($0, on: request)) }
    }

    private func end(_ result: Result<BlockVerdict, VerdictFailure>) {
        guard let (promise, timer) = current else { return }
        current = nil
        timer.cancel()
        switch result {
        case .success(let verdict): promise.succeed(verdict)
        case .failure(let failure): promise.fail(failure)
        }
        next()
    }

    private static func verdict(
        _ answer: HTTPLane.Answer, on request: NodeRequest
    ) -> Result<BlockVerdict, VerdictFailure> {
        switch answer {
        case .failure(let error): return .failure(.call(error.failure))
        case .success(let (status, body)):
            do {
                let part = try NodeReply.answers(status: status, body: body, to: request)[0].get()
                return .success(try BlockVerdict(part))
            } catch let fault as ReplyFault {
                return .failure(.reply(fault))
            } catch let error as NodeError {
                return .failure(.node(error))
            } catch let fault as AnswerFault {
                return .failure(.answer(fault))
            } catch {
                preconditionFailure("answers fail in three ways")
            }
        }
    }
}
