/* Figures that one thread writes and any thread may read: counters, and what is open or waiting
 * now. A change is a load, an addition and a store, not a locked instruction, which is as cheap as
 * on a plain variable; a reader in another thread sees each value whole, perhaps a little late. */
#ifndef SIO_NET_FIGURE_H
#define SIO_NET_FIGURE_H

/* By the one who writes it. `place` is evaluated twice. */
#define SIO_FIGURE_SET(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELAXED)
#define SIO_FIGURE_ADD(place, n) SIO_FIGURE_SET(place, (place) + (n))
#define SIO_FIGURE_SUB(place, n) SIO_FIGURE_SET(place, (place) - (n))
#define SIO_COUNT(place) SIO_FIGURE_ADD(place, 1)

/* By anyone. */
#define SIO_FIGURE(place) __atomic_load_n(&(place), __ATOMIC_RELAXED)

#endif
