// A neural network, and the firmware that answers tinysine's questions about it. All of it is in src/.
//
// With a model of one number: upload it, open the serial monitor (115,200 baud, any line ending), and type a number
// such as 1.5708. Left alone for two seconds, the LED's brightness follows the sine that the network infers.

#include "src/ports/arduino/sketch.h"

void setup() {
}

void loop() {
  ts_arduino_run();
}
