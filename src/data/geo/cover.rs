//! The cells in which everything within a shape lies.
//!
//! A grid is chosen whose cells are about as large as the shape. Its centre's cell and the eight around it then cover it, and those that the shape cannot reach are left out:
//!
//! ```text
//! 6 1 5      the order in which they are searched: the middle, then along the axes, then the corners
//! 4 0 3
//! 8 2 7
//! ```

use super::cell::{Area, Cell};
use super::shape::Shape;
use smallvec::SmallVec;

/// The most cells that a search reads.
pub const CELLS_MAX: usize = 9;

/// Enough for a radius whose grid is the finest, however many steps are taken back.
const STEPS_TRIED_MAX: i32 = 40;

/// Half the way around the equator in the Mercator projection, in metres.
const MERCATOR_MAX: f64 = 20_037_726.37;

/// The cells around a cell, as steps to the east and to the north, in the order of the search.
const AROUND: [(i32, i32); CELLS_MAX - 1] = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

impl Shape {
    /// The cells to search, in order. A cell may come twice where a grid of few cells is walked around.
    pub fn cells(&self) -> SmallVec<[Cell; CELLS_MAX]> {
        let bounds = self.bounds();
        let mut steps = steps_for(self.reach_max(), self.centre.latitude());
        let mut middle = Cell::around(self.centre, steps);
        if steps > 1 && !is_covered_around(middle, &bounds) {
            steps -= 1;
            middle = Cell::around(self.centre, steps);
        }
        let area = middle.area();
        let is_useful = |(columns, rows): (i32, i32)| {
            // In the coarsest grid there is nothing beyond the cells around.
            steps < 2
                || !(rows < 0 && area.south < bounds.south
                    || rows > 0 && area.north > bounds.north
                    || columns < 0 && area.west < bounds.west
                    || columns > 0 && area.east > bounds.east)
        };
        let mut cells = SmallVec::new();
        cells.push(middle);
        for (columns, rows) in AROUND.into_iter().filter(|step| is_useful(*step)) {
            let cell = middle.beside(columns, rows);
            // In a grid of two rows the next one up is the next one down.
            if cells.len() == 1 || cells.last() != Some(&cell) {
                cells.push(cell);
            }
        }
        cells
    }
}

/// Whether the cells next to the middle reach as far as the shape does.
fn is_covered_around(middle: Cell, bounds: &Area) -> bool {
    let beside = |columns, rows| middle.beside(columns, rows).area();
    // Said so that a bound that is no number is reached.
    !(beside(0, 1).north < bounds.north
        || beside(0, -1).south > bounds.south
        || beside(1, 0).east < bounds.east
        || beside(-1, 0).west > bounds.west)
}

/// How often the world is halved each way until a cell is about as large as a circle of this radius, in metres.
fn steps_for(radius: f64, latitude: f64) -> u8 {
    if radius == 0.0 {
        return Cell::STEPS_MAX;
    }
    let (mut reach, mut steps) = (radius, 1);
    while reach < MERCATOR_MAX && steps < STEPS_TRIED_MAX {
        reach *= 2.0;
        steps += 1;
    }
    // A grid coarser by two holds most shapes in the cells around. Towards the poles a cell spans fewer metres.
    let back = match latitude.abs() {
        latitude if latitude > 80.0 => 4,
        latitude if latitude > 66.0 => 3,
        _ => 2,
    };
    (steps - back).clamp(1, i32::from(Cell::STEPS_MAX)) as u8
}
