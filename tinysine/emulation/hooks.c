/* What the emulator calls at every block of code and at every write to a stack, compiled for this computer. The same in
 * Python, in hooks.py, takes ten times as long as the code that it counts. The structures are those of hooks.py. */
#include <stdint.h>

#define PAINT          0x5CA1AB1Eu /* what the firmware fills its stack with before it is used */
#define ONE_PUSH_BYTES 128u        /* VPUSH of 32 words, before it moves the stack pointer */

/* Of Unicorn, which is loaded already. */
typedef int (*read_register)(void *uc, int register_id, void *value);
typedef int (*write_register)(void *uc, int register_id, const void *value);

struct block {
    uint32_t address;
    uint32_t size;
    uint32_t instructions;
    uint32_t tenths; /* of estimated cycles */
};

struct count {
    uint64_t executed; /* all instructions of the block under way among them */
    uint64_t tenths;   /* of estimated cycles, likewise */
    uint32_t at;       /* the block under way */
    uint32_t size;     /* 0: none */
    uint32_t next;     /* what follows the block without a branch */
    uint32_t refill;   /* tenths, of a branch that is taken */
    uint32_t begin;    /* of code whose calls are told; odd: of none */
    uint32_t end;      /* where the call under way returns to; odd: none is */
    uint32_t mask;
    struct block *known;
    void (*look)(uint32_t slot, uint32_t address, uint32_t size); /* fills in known[slot] */
    void (*arrive)(uint32_t address);
};

struct stack {
    uint32_t lowest; /* address that was used */
    int32_t cpsr;
    int32_t sp;
    uint32_t it_state; /* bits of CPSR */
    read_register read;
    write_register write;
};

struct range {
    uint32_t first;
    uint32_t bytes;
};

/* What code may write while it is called, and where it first wrote elsewhere. */
struct writes {
    struct stack plain; /* of which only the registers count */
    int32_t pc;
    uint32_t inside; /* whether it is under way */
    uint32_t count;
    const struct range *ranges;
    uint32_t strayed; /* how often; the first time: */
    uint32_t address;
    uint32_t from;
};

void ts_enter_block(void *uc, uint64_t address64, uint32_t size, void *data);
void ts_touch(void *uc, int kind, uint64_t address, int size, int64_t value, void *data);
void ts_write_stack(void *uc, int kind, uint64_t address, int size, int64_t value, void *data);
void ts_write_within(void *uc, int kind, uint64_t address, int size, int64_t value, void *data);

void ts_enter_block(void *uc, uint64_t address64, uint32_t size, void *data) {
    struct count *count = data;
    uint32_t address = (uint32_t)address64;
    uint32_t slot = address >> 1 & count->mask;
    const struct block *block = &count->known[slot];

    (void)uc;
    if (address == count->begin || address == count->end) {
        count->arrive(address);
    }
    if (block->address != address || block->size != size) {
        count->look(slot, address, size);
    }
    count->executed += block->instructions;
    count->tenths += block->tenths + (address == count->next ? 0 : count->refill);
    count->next = address + size;
    count->at = address;
    count->size = size;
}

/* End the IT block that the access is in: see Core.leave_it_block. */
void ts_touch(void *uc, int kind, uint64_t address, int size, int64_t value, void *data) {
    const struct stack *stack = data;
    uint64_t status = 0;

    (void)kind, (void)address, (void)size, (void)value;
    stack->read(uc, stack->cpsr, &status);
    if (status & stack->it_state) {
        status &= ~(uint64_t)stack->it_state;
        stack->write(uc, stack->cpsr, &status);
    }
}

void ts_write_stack(void *uc, int kind, uint64_t address, int size, int64_t value, void *data) {
    struct stack *stack = data;
    uint64_t sp = 0;

    ts_touch(uc, kind, address, size, value, data);
    if (address >= stack->lowest || (size == 4 && (uint32_t)value == PAINT)) {
        return; /* painting of stack that is not in use */
    }
    stack->read(uc, stack->sp, &sp);
    if (address + ONE_PUSH_BYTES >= (uint32_t)sp) {
        stack->lowest = (uint32_t)address;
    }
}

void ts_write_within(void *uc, int kind, uint64_t address64, int size, int64_t value, void *data) {
    struct writes *writes = data;
    uint32_t address = (uint32_t)address64;
    uint64_t pc = 0;

    ts_touch(uc, kind, address64, size, value, &writes->plain);
    if (!writes->inside) {
        return;
    }
    for (uint32_t i = 0; i < writes->count; i++) {
        uint32_t offset = address - writes->ranges[i].first; /* huge where it lies before */
        if (offset < writes->ranges[i].bytes && (uint32_t)size <= writes->ranges[i].bytes - offset) {
            return;
        }
    }
    if (writes->strayed++ == 0) {
        writes->plain.read(uc, writes->pc, &pc);
        writes->address = address;
        writes->from = (uint32_t)pc;
    }
}
