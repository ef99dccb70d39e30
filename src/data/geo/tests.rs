//! Known places, and properties against [`naive`].

use super::cell::Area;
use super::*;
use proptest::prelude::*;

fn point(longitude: f64, latitude: f64) -> Point {
    Point::new(longitude, latitude).expect("within the limits")
}

fn anywhere() -> impl Strategy<Value = Point> {
    (-LONGITUDE_MAX..LONGITUDE_MAX, -LATITUDE_MAX..LATITUDE_MAX).prop_map(|(east, north)| point(east, north))
}

/// Places where a degree is a degree: neither near a pole nor at the date line.
fn inland() -> impl Strategy<Value = Point> {
    (-150.0..150.0, -60.0..60.0).prop_map(|(east, north)| point(east, north))
}

fn shape() -> impl Strategy<Value = Shape> {
    // Lengths of every magnitude from a metre to 1000 km.
    let length = || (0.0..6.0).prop_map(|exponent: f64| 10_f64.powf(exponent));
    let extent = prop_oneof![
        length().prop_map(Extent::Radius),
        (length(), length()).prop_map(|(width, height)| Extent::Box { width, height }),
    ];
    (inland(), extent).prop_map(|(centre, extent)| Shape { centre, extent })
}

fn is_covered(shape: &Shape, point: Point) -> bool {
    shape.cells().iter().any(|cell| cell.scores().contains(&point.score()))
}

#[test]
fn known_places_have_known_scores_hashes_and_distances() {
    let (palermo, catania) = (point(13.361389, 38.115556), point(15.087269, 37.502669));
    assert_eq!(palermo.score(), 3479099956230698.0);
    assert_eq!(catania.score(), 3479447370796909.0);
    assert_eq!(&palermo.geohash(), b"sqc8b49rny0");
    assert_eq!(&Point::from_score(catania.score()).geohash(), b"sqdtr74hyu0");
    let kept = |point: Point| Point::from_score(point.score());
    assert_eq!(format!("{:.4}", distance(kept(palermo), kept(catania))), "166274.1516");
}

#[test]
fn the_limits_are_places_and_nothing_lies_beyond() {
    assert!(Point::new(180.0, 85.05112878).is_some() && Point::new(-180.0, -85.05112878).is_some());
    assert!(Point::new(180.1, 0.0).is_none() && Point::new(0.0, -85.1).is_none());
    assert!(Point::new(f64::NAN, 0.0).is_none() && Point::new(0.0, f64::NAN).is_none());
    // The last column and row are past the grid: bits 52 and 53.
    assert_eq!(point(180.0, 85.05112878).score(), 13510798882111488.0);
    assert_eq!(point(-180.0, -85.05112878).score(), 0.0);
    assert_eq!(Point::from_score(13510798882111488.0), point(180.0, 85.05112878));
}

#[test]
fn a_score_that_was_never_a_place_names_one() {
    let (east, west) = (LONGITUDE_MAX, -179.999_997_317_790_99);
    let (north, south) = (LATITUDE_MAX, -85.051_127_512_639_43);
    for (score, longitude, latitude) in [
        (-1.0, east, north),
        (f64::INFINITY, west, south),
        (f64::NEG_INFINITY, east, south),
        (1e19, east, north),
        (9_223_372_036_854_775_808.0, east, south),
        (4_503_599_627_370_496.0, west, north),
        (1.5, west, -85.051_124_977_918_25),
    ] {
        assert_eq!(Point::from_score(score), point(longitude, latitude), "{score}");
    }
}

#[test]
fn antipodes_are_half_the_way_around_apart() {
    let half = std::f64::consts::PI * super::distance::EARTH_RADIUS;
    for (longitude, latitude) in [(0.0, 0.0), (90.0, 0.0), (10.0, 45.0), (-77.0, 12.3)] {
        let opposite = if longitude > 0.0 { longitude - 180.0 } else { longitude + 180.0 };
        let metres = distance(point(longitude, latitude), point(opposite, -latitude));
        assert!((metres - half).abs() < 1.0, "{metres}");
    }
}

#[test]
fn a_shape_that_reaches_everywhere_is_covered_by_the_coarsest_grid() {
    for extent in [Extent::Radius(f64::INFINITY), Extent::Box { width: f64::INFINITY, height: f64::INFINITY }] {
        let shape = Shape { centre: point(10.0, 50.0), extent };
        assert_eq!(shape.cells().len(), 4, "each quarter once");
        for place in [point(10.0, 50.0), point(-179.0, -84.0), point(179.0, 84.0), point(-1.0, 84.0)] {
            assert!(is_covered(&shape, place) && shape.reach(place).is_some());
        }
    }
}

#[test]
fn a_shape_without_extent_holds_its_centre_only() {
    let centre = Point::from_score(point(2.35, 48.85).score());
    for extent in [Extent::Radius(0.0), Extent::Box { width: 0.0, height: 0.0 }] {
        let shape = Shape { centre, extent };
        assert!(is_covered(&shape, centre));
        assert_eq!(shape.reach(centre), Some(0.0));
        assert_eq!(shape.reach(point(2.3501, 48.85)), None);
    }
}

proptest! {
    #[test]
    fn bits_interleave_and_come_apart(column: u32, row: u32) {
        let bits = naive::interleaved(column, row);
        prop_assert_eq!(super::cell::spread(column) << 1 | super::cell::spread(row), bits);
        prop_assert_eq!(super::cell::gathered(bits), row);
        prop_assert_eq!(super::cell::gathered(bits >> 1), column);
    }

    #[test]
    fn a_cell_is_found_by_halving_the_world(place in anywhere(), steps in 1..=12_u8) {
        // Not finer: at an edge halving and dividing may round apart.
        prop_assert_eq!(Cell::around(place, steps).bits(), naive::bits(place, steps));
    }

    #[test]
    fn a_place_keeps_its_score_and_moves_less_than_a_cell(place in anywhere()) {
        let kept = Point::from_score(place.score());
        prop_assert_eq!(kept.score(), place.score());
        prop_assert!((kept.longitude - place.longitude).abs() <= 360.0 / f64::from(1 << 26));
        prop_assert!((kept.latitude - place.latitude).abs() <= 171.0 / f64::from(1 << 26));
    }

    #[test]
    fn a_place_lies_in_its_cells_and_their_ranges_of_scores(place in anywhere(), steps in 0..=26_u8) {
        let cell = Cell::around(place, steps);
        prop_assert!(cell.scores().contains(&place.score()));
        let Area { west, east, south, north } = cell.area();
        prop_assert!(west - 1e-9 <= place.longitude && place.longitude <= east + 1e-9);
        prop_assert!(south - 1e-9 <= place.latitude && place.latitude <= north + 1e-9);
    }

    #[test]
    fn cells_beside_one_another_share_an_edge(place in inland(), steps in 4..=26_u8) {
        let cell = Cell::around(place, steps);
        prop_assert_eq!(cell.beside(1, 0).area().west, cell.area().east);
        prop_assert_eq!(cell.beside(0, 1).area().south, cell.area().north);
        prop_assert_eq!(cell.beside(1, 1).beside(-1, -1), cell);
        prop_assert_eq!(cell.beside(1, -1), cell.beside(0, -1).beside(1, 0));
    }

    #[test]
    fn past_the_last_cell_comes_the_first(place in anywhere(), steps in 1..=6_u8) {
        let cell = Cell::around(place, steps);
        let around = (0..1 << steps).fold(cell, |cell, _| cell.beside(1, 0));
        prop_assert_eq!(around, cell);
        prop_assert_eq!((0..1 << steps).fold(cell, |cell, _| cell.beside(0, -1)), cell);
    }

    #[test]
    fn distances_are_those_between_vectors(one in anywhere(), other in anywhere()) {
        let metres = distance(one, other);
        prop_assert!((metres - naive::distance(one, other)).abs() < 1.0 + metres * 1e-9, "{} {}", metres, naive::distance(one, other));
        prop_assert_eq!(distance(one, one), 0.0);
        prop_assert!((metres - distance(other, one)).abs() < 1e-3);
    }

    #[test]
    fn any_score_names_a_place_within_the_limits(score in any::<f64>().prop_filter("a score", |score| !score.is_nan())) {
        let place = Point::from_score(score);
        prop_assert!(Point::new(place.longitude, place.latitude).is_some());
        prop_assert!(!distance(place, point(1.0, 2.0)).is_nan());
    }

    /// What lies within a shape is found by reading its cells.
    #[test]
    fn cells_cover_the_shape(shape in shape(), angle in 0.0..std::f64::consts::TAU, part in 0.0..1.5_f64) {
        let (Extent::Radius(width) | Extent::Box { width, .. }) = shape.extent;
        let (Extent::Radius(height) | Extent::Box { height, .. }) = shape.extent;
        let degree = std::f64::consts::PI * super::distance::EARTH_RADIUS / 180.0;
        let north = shape.centre.latitude + part * height / degree * angle.sin();
        let east = shape.centre.longitude + part * width / degree / north.to_radians().cos() * angle.cos();
        let place = Point::from_score(point(east.clamp(-180.0, 180.0), north.clamp(-85.0, 85.0)).score());
        prop_assert!(shape.cells().len() <= CELLS_MAX);
        if shape.reach(place).is_some() {
            prop_assert!(is_covered(&shape, place), "{:?} {:?}", shape, place);
        }
    }

    #[test]
    fn a_circle_holds_what_is_no_farther_than_its_radius(centre in anywhere(), place in anywhere(), radius in 0.0..2e7_f64) {
        let shape = Shape { centre, extent: Extent::Radius(radius) };
        let metres = distance(centre, place);
        prop_assert_eq!(shape.reach(place), (metres <= radius).then_some(metres));
    }

    #[test]
    fn no_search_reads_more_than_nine_cells_of_one_grid(centre in anywhere(), radius in 0.0..4e7_f64) {
        let cells = Shape { centre, extent: Extent::Radius(radius) }.cells();
        prop_assert!((1..=CELLS_MAX).contains(&cells.len()));
        prop_assert!(cells.iter().all(|cell| cell.scores().end - cell.scores().start == cells[0].scores().end - cells[0].scores().start));
    }
}
