/* What a sketch calls. */
#ifndef TINYSINE_SKETCH_H
#define TINYSINE_SKETCH_H

/* Runs the firmware, for ever. Call it from loop(). */
void ts_arduino_run();

#endif
