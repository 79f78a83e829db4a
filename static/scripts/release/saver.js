// Does one thing after a pause, at the latest after a while, and never twice at a time.

export class Saver {
  #work;
  #pause;
  #most;
  #timer = 0;
  #since = 0;
  #isWanted = false;
  #running = null;

  constructor(work, pauseMilliseconds, mostMilliseconds) {
    this.#work = work;
    this.#pause = pauseMilliseconds;
    this.#most = mostMilliseconds;
  }

  /** Whether there is something that it has not done yet. */
  get isBusy() {
    return this.#timer !== 0 || this.#running !== null;
  }

  /** Has it done soon. */
  ask() {
    const now = performance.now();
    this.#since ||= now;
    clearTimeout(this.#timer);
    const pause = Math.min(this.#pause, Math.max(0, this.#since + this.#most - now));
    this.#timer = setTimeout(() => this.flush(), pause);
  }

  /** Has it done now; fulfilled once that is over. */
  flush() {
    this.cancel();
    this.#isWanted = true;
    this.#running ??= this.#run();
    return this.#running;
  }

  /** Has it done now if it is to be done at all. */
  hurry() {
    if (this.#timer) this.flush();
  }

  /** Fulfilled once what has begun is over. */
  async settle() {
    await this.#running;
  }

  /** Has it not done, unless it has begun. */
  cancel() {
    clearTimeout(this.#timer);
    this.#timer = this.#since = 0;
  }

  async #run() {
    try {
      while (this.#isWanted) {
        this.#isWanted = false;
        await this.#work();
      }
    } finally {
      this.#running = null;
    }
  }
}
