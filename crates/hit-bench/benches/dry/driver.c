/* The part of CUDA's driver that hitrepro calls, without a device behind it: memory is main memory, kernels do nothing.
 *
 * What runs above it is the real thing: every kernel of a training is written and compiled by NVRTC for the GPU that is named
 * here, every buffer is asked for, every launch prepared. So it shows, on any machine, that all of it compiles, how many
 * launches a step has, how long the host takes for them, and how much memory is in use. It shows nothing about what
 * kernels compute or how fast they are.
 *
 *     cc -shared -fPIC -o FOLDER/libcuda.so driver.c -lpthread
 *
 * The name must not be libcuda.so.1, which NVRTC itself would take for a driver. DRY_COUNTS names the file that is
 * written when the process ends: `peak BYTES` and, for each kernel, `launches N NAME`.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef int Result;
typedef void *Handle;
typedef uint64_t Address;

enum { DONE = 0, OUT_OF_MEMORY = 2, NO_DEVICE = 101, MOST_KERNELS = 1 << 14 };
#define OF_DEVICE (78ull << 30)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t in_use, peak, n_kernels;
static struct { char *name; long launches; } kernels[MOST_KERNELS];

/* One device: an H100 with 80 GB. */
Result cuInit(unsigned flags) { return DONE; }
Result cuDriverGetVersion(int *version) { *version = 13000; return DONE; }
Result cuDeviceGetCount(int *n) { *n = 1; return DONE; }
Result cuDeviceGet(int *device, int which) { *device = which; return which == 0 ? DONE : NO_DEVICE; }
Result cuDeviceGetName(char *name, int size, int device) { snprintf(name, size, "NVIDIA H100 80GB HBM3"); return DONE; }
Result cuDeviceGetPCIBusId(char *name, int size, int device) { snprintf(name, size, "0000:01:00.0"); return DONE; }
Result cuDeviceGetUuid_v2(void *uuid, int device) { memset(uuid, 1, 16); return DONE; }
Result cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 80ull << 30; return DONE; }
Result cuDeviceGetAttribute(int *value, int attribute, int device) {
    switch (attribute) {
        case 1: case 2: case 3: *value = 1024; break;   /* threads of a block, and along x and y */
        case 4: *value = 64; break;                     /* along z */
        case 5: *value = 2147483647; break;             /* blocks of a grid along x */
        case 6: case 7: *value = 65535; break;          /* along y and z */
        case 8: *value = 49152; break;                  /* shared memory of a block */
        case 10: *value = 32; break;                    /* threads of a warp */
        case 12: *value = 65536; break;                 /* registers of a block */
        case 16: *value = 132; break;                   /* multiprocessors */
        case 75: *value = 9; break;                     /* compute capability 9.0 */
        case 76: *value = 0; break;
        case 81: *value = 233472; break;                /* shared memory of a multiprocessor */
        case 97: *value = 232448; break;                /* of a block that asks for it */
        default: *value = 1;
    }
    return DONE;
}
Result cuDevicePrimaryCtxRetain(Handle *context, int device) { *context = &lock; return DONE; }
Result cuDevicePrimaryCtxRelease_v2(int device) { return DONE; }
Result cuCtxSetCurrent(Handle context) { return DONE; }
Result cuCtxGetCurrent(Handle *context) { *context = &lock; return DONE; }
Result cuCtxSynchronize(void) { return DONE; }
Result cuCtxGetStreamPriorityRange(int *least, int *greatest) { *least = 0; *greatest = -5; return DONE; }
Result cuGetErrorName(int error, const char **text) { *text = "DRY"; return DONE; }
Result cuGetErrorString(int error, const char **text) { *text = "from a driver without a device"; return DONE; }

/* Memory of the device: pages that exist once they are touched. The first one holds the size. */
Result cuMemAlloc_v2(Address *address, size_t bytes) {
    size_t all = ((bytes + 4095) & ~(size_t)4095) + 4096;
    pthread_mutex_lock(&lock);
    int fits = in_use + all <= OF_DEVICE;
    if (fits) in_use += all;
    if (in_use > peak) peak = in_use;
    pthread_mutex_unlock(&lock);
    if (!fits) return OUT_OF_MEMORY;
    char *pages = mmap(0, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) return OUT_OF_MEMORY;
    *(size_t *)pages = all;
    *address = (Address)(pages + 4096);
    return DONE;
}
Result cuMemFree_v2(Address address) {
    char *pages = (char *)address - 4096;
    size_t all = *(size_t *)pages;
    munmap(pages, all);
    pthread_mutex_lock(&lock);
    in_use -= all;
    pthread_mutex_unlock(&lock);
    return DONE;
}
Result cuMemAllocAsync(Address *address, size_t bytes, Handle stream) { return cuMemAlloc_v2(address, bytes); }
Result cuMemFreeAsync(Address address, Handle stream) { return cuMemFree_v2(address); }
Result cuMemGetInfo_v2(size_t *left, size_t *total) { *left = OF_DEVICE - in_use; *total = 80ull << 30; return DONE; }
Result cuMemAllocHost_v2(Handle *memory, size_t bytes) { *memory = calloc(1, bytes); return *memory ? DONE : OUT_OF_MEMORY; }
Result cuMemHostAlloc(Handle *memory, size_t bytes, unsigned flags) { return cuMemAllocHost_v2(memory, bytes); }
Result cuMemFreeHost(Handle memory) { free(memory); return DONE; }
Result cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t bytes, Handle stream) { memcpy((Handle)to, from, bytes); return DONE; }
Result cuMemcpyDtoHAsync_v2(void *to, Address from, size_t bytes, Handle stream) { memcpy(to, (Handle)from, bytes); return DONE; }
Result cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, Handle stream) { memcpy((Handle)to, (Handle)from, bytes); return DONE; }
Result cuMemsetD8Async(Address to, unsigned char value, size_t bytes, Handle stream) { memset((Handle)to, value, bytes); return DONE; }

/* CUDA_MEMCPY2D; a memory type of 1 is main memory. */
struct Side { size_t x, y; int type; char *host, *device; Handle array; size_t pitch; };
struct Copy { struct Side from, to; size_t bytes, rows; };
static char *row(const struct Side *side, size_t which) {
    return (side->type == 1 ? side->host : side->device) + (side->y + which) * side->pitch + side->x;
}
Result cuMemcpy2DAsync_v2(const struct Copy *copy, Handle stream) {
    for (size_t i = 0; i < copy->rows; i++) memcpy(row(&copy->to, i), row(&copy->from, i), copy->bytes);
    return DONE;
}

/* One stream does what it is told at once, so that all events have happened. */
Result cuStreamCreate(Handle *stream, unsigned flags) { *stream = &in_use; return DONE; }
Result cuStreamCreateWithPriority(Handle *stream, unsigned flags, int priority) { return cuStreamCreate(stream, flags); }
Result cuStreamDestroy_v2(Handle stream) { return DONE; }
Result cuStreamSynchronize(Handle stream) { return DONE; }
Result cuStreamQuery(Handle stream) { return DONE; }
Result cuStreamWaitEvent(Handle stream, Handle event, unsigned flags) { return DONE; }
Result cuStreamIsCapturing(Handle stream, int *status) { *status = 0; return DONE; }
Result cuEventCreate(Handle *event, unsigned flags) { *event = &peak; return DONE; }
Result cuEventRecord(Handle event, Handle stream) { return DONE; }
Result cuEventSynchronize(Handle event) { return DONE; }
Result cuEventQuery(Handle event) { return DONE; }
Result cuEventDestroy_v2(Handle event) { return DONE; }
Result cuEventElapsedTime_v2(float *ms, Handle from, Handle to) { *ms = 1; return DONE; }
Result cuEventElapsedTime(float *ms, Handle from, Handle to) { return cuEventElapsedTime_v2(ms, from, to); }

/* A kernel is its place in the table, from 1 on. */
Result cuModuleLoadData(Handle *module, const void *image) { *module = &kernels; return DONE; }
Result cuModuleUnload(Handle module) { return DONE; }
Result cuModuleGetFunction(Handle *function, Handle module, const char *name) {
    pthread_mutex_lock(&lock);
    int fits = n_kernels < MOST_KERNELS;
    if (fits) {
        kernels[n_kernels++].name = strdup(name);
        *function = (Handle)(uintptr_t)n_kernels;
    }
    pthread_mutex_unlock(&lock);
    return fits ? DONE : OUT_OF_MEMORY;
}
Result cuFuncSetAttribute(Handle function, int attribute, int value) { return DONE; }
Result cuFuncGetAttribute(int *value, int attribute, Handle function) { *value = 0; return DONE; }
Result cuLaunchKernel(Handle function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                      unsigned block_z, unsigned shared, Handle stream, Handle *arguments, Handle *extra) {
    pthread_mutex_lock(&lock);
    kernels[(uintptr_t)function - 1].launches++;
    pthread_mutex_unlock(&lock);
    return DONE;
}
Result cuTensorMapEncodeTiled(void) { return DONE; }
Result cuTensorMapEncodeIm2col(void) { return DONE; }

__attribute__((destructor)) static void write_counts(void) {
    const char *path = getenv("DRY_COUNTS");
    /* Loaded and closed again to see whether it is there: nothing has happened. */
    FILE *file = path && n_kernels ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "peak %zu\n", peak);
    for (size_t i = 0; i < n_kernels; i++) fprintf(file, "launches %ld %s\n", kernels[i].launches, kernels[i].name);
    fclose(file);
}
