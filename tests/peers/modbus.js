// Three controls behind one gateway, as units 1 to 3 of the Modbus server of npm's modbus-serial.
//
//   node modbus.js PORT LOG
//
// Each makes a part every 0.1 to 0.3 s, and none while its coil 0 is on. What happens is appended to LOG before anybody
// can read it, a line of JSON each: {"start": PID}, {"connection": N}, {"unit": U, "part": N}. A counter begins at zero
// with each start.
//
// Holding registers: 0 and 1 part count (high word first), 2 state (1 runs, 2 held), 3 heartbeat, 4 to 7 program.
// Input register 0: tool. Coil 0: held.
"use strict";

const fs = require("fs");
const { ServerTCP } = require("modbus-serial");

const [port, path] = process.argv.slice(2);
const log = (line) => fs.appendFileSync(path, JSON.stringify(line) + "\n");
const controls = new Map([1, 2, 3].map((unit) => [unit, { unit, parts: 0, held: false }]));

let beat = 0;
setInterval(() => (beat = (beat + 1) % 65536), 50);

function make(control) {
    if (!control.held) {
        log({ unit: control.unit, part: control.parts + 1 });
        control.parts += 1;
    }
    setTimeout(make, 100 + 200 * Math.random(), control);
}

function found(values, address, count) {
    if (address + count > values.length) throw Object.assign(new Error("illegal address"), { modbusErrorCode: 2 });
    return values.slice(address, address + count);
}

function control(unit) {
    // What a gateway says of a device that it can't reach.
    if (!controls.has(unit)) throw Object.assign(new Error("gateway"), { modbusErrorCode: 11 });
    return controls.get(unit);
}

function holding(unit) {
    const { parts, held } = control(unit);
    const program = Buffer.from(`O100${unit}\0\0\0`);
    const words = [0, 2, 4, 6].map((at) => program.readUInt16BE(at));
    return [parts >>> 16, parts & 0xffff, held ? 2 : 1, beat, ...words];
}

const server = new ServerTCP(
    {
        getMultipleHoldingRegisters: (address, count, unit) => found(holding(unit), address, count),
        getHoldingRegister: (address, unit) => found(holding(unit), address, 1)[0],
        getInputRegister: (address, unit) => found([control(unit).unit + 6], address, 1)[0],
        getCoil: (address, unit) => found([control(unit).held], address, 1)[0],
        setCoil: (address, value, unit) => {
            found([0], address, 1);
            control(unit).held = value;
        },
    },
    { host: "127.0.0.1", port: Number(port), unitID: 255 } // 255: every unit
);
server.on("serverError", (error) => {
    throw error;
});
server.on("socketError", () => {});
let connections = 0;
server._server.on("connection", () => log({ connection: ++connections }));
server.on("initialized", () => {
    log({ start: process.pid });
    controls.forEach((each) => setTimeout(make, 100, each));
    console.log(`listening on ${port}`);
});
