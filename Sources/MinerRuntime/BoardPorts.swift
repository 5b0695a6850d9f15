import Boards
import NIOCore
import Transports
import Units

/// The two serial ports of one board, on the miner's loop. Bytes go straight into the miner's core and back.
///
/// Confined to the loop of its channels, like the miner that owns it.
final class BoardPorts {
    private let control: SerialChannel
    private let data: SerialChannel

    /// Opens both ports; either both are open or none.
    ///
    /// - Returns: succeeds on the loop; fails with `SerialPortError`.
    static func open(
        control: String, data: String, on loop: any EventLoop
    ) -> EventLoopFuture<(control: SerialChannel, data: SerialChannel)> {
        do throws(SerialPortError) {
            // The control port's rate has no meaning on USB (boards.md §2); chips speak 115,200 after a reset.
            let controlPort = try SerialPort(opening: control, at: BaudRate(115_200))
            let dataPort = try SerialPort(opening: data, at: BaudRate(115_200))
            return controlPort.channel(on: loop).and(dataPort.channel(on: loop)).map { ($0, $1) }
        } catch {
            return loop.makeFailedFuture(error)
        }
    }

    init(control: SerialChannel, data: SerialChannel) {
        self.control = control
        self.data = data
    }

    /// Begins to read. `handle` gets every event of the board's ports, and `closed` the sentence for each that ended.
    func start(handle: @escaping (BoardEvent) -> Void, closed: @escaping (BoardPort, SerialClosure) -> Void) {
        control.start(onBytes: { handle(.controlReceived($0)) }, onClosed: { closed(.control, $0) })
        data.start(onBytes: { handle(.dataReceived($0)) }, onClosed: { closed(.data, $0) })
    }

    func sendControl(_ bytes: [UInt8]) { control.write(bytes) }
    func sendData(_ bytes: [UInt8]) { data.write(bytes) }

    /// - Returns: what the kernel really set.
    func setBaudRate(_ rate: BaudRate) -> EventLoopFuture<BaudRate> { data.setBaudRate(rate) }

    func discardData() throws(SerialPortError) { try data.discardInput() }

    func close() {
        control.close()
        data.close()
    }
}
