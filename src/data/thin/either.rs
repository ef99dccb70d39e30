//! Eight bytes that are a small form in themselves, or a pointer to a large one.
#![expect(unsafe_code, reason = "a tagged pointer, so that a collection of either form is 8 bytes wide")]

use std::fmt;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::NonNull;

/// A small form of a collection: a block of bytes, or nothing but one. Declare one with [`small_form!`](small_form).
///
/// # Safety
/// The type is 8 bytes wide and its first byte is even at all times, as that of a [`Bytes`](super::Bytes) is, whose block is aligned (the
/// machine is little-endian).
pub unsafe trait Small: Sized {}

// SAFETY: a block is aligned to 8.
unsafe impl Small for super::Bytes {}

/// Declares a small form: a type of its own around [`Bytes`](super::Bytes), which is its field `0`, with `Clone`, `Debug` and `Default`.
///
/// ```text
/// small_form! {
///     /// The block.
///     pub(super) struct Packed;
/// }
/// ```
macro_rules! small_form {
    ($(#[$meta:meta])* $vis:vis struct $name:ident;) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default)]
        #[repr(transparent)]
        $vis struct $name($crate::data::thin::Bytes);

        #[expect(unsafe_code, reason = "a promise about the layout, which stands in the line above")]
        // SAFETY: it is laid out as the `Bytes` in it, which is a small form.
        unsafe impl $crate::data::thin::Small for $name {}
    };
}
pub(crate) use small_form;

/// Which form it is, with the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<S, L> {
    /// The small one.
    Small(S),
    /// The large one.
    Large(L),
}

/// A small form, or a large one behind a pointer. 8 bytes wide.
///
/// # Invariants
/// If the lowest bit is 0 the 8 bytes are an `S`; else, without that bit, they are the pointer of a `Box<L>`. It owns either.
pub struct Either<S: Small, L> {
    word: MaybeUninit<NonNull<u8>>,
    owns: PhantomData<(S, Box<L>)>,
}

const LARGE: usize = 1;

#[cfg(not(all(target_pointer_width = "64", target_endian = "little")))]
compile_error!("the store needs a little-endian machine with pointers of 64 bits");

// SAFETY: it owns an `S` or a `Box<L>` and is to other threads what these are.
unsafe impl<S: Small + Send, L: Send> Send for Either<S, L> {}
// SAFETY: as above.
unsafe impl<S: Small + Sync, L: Sync> Sync for Either<S, L> {}

impl<S: Small, L> Either<S, L> {
    const LAYOUTS: () = assert!(
        size_of::<S>() == 8 && align_of::<S>() <= 8 && align_of::<L>() >= 2 && size_of::<L>() > 0,
        "the lowest bit tells the forms apart"
    );

    /// A small form.
    #[inline]
    pub const fn small(small: S) -> Self {
        const { Self::LAYOUTS };
        let small = ManuallyDrop::new(small);
        // SAFETY: an `S` is 8 bytes wide, and so is the word, which may hold any bytes.
        let word = unsafe { std::mem::transmute_copy::<ManuallyDrop<S>, MaybeUninit<NonNull<u8>>>(&small) };
        Self { word, owns: PhantomData }
    }

    /// A large form.
    #[inline]
    pub fn large(large: L) -> Self {
        const { Self::LAYOUTS };
        let pointer = Box::into_raw(Box::new(large)).cast::<u8>().map_addr(|address| address | LARGE);
        Self { word: MaybeUninit::new(NonNull::new(pointer).expect("a box is somewhere")), owns: PhantomData }
    }

    #[inline]
    fn is_large(&self) -> bool {
        // SAFETY: the word is initialised: as an `S`, whose first byte says that it is one, or as a pointer.
        let first = unsafe { self.word.as_ptr().cast::<u8>().read() };
        usize::from(first) & LARGE != 0
    }

    /// Where the large form is.
    #[inline]
    fn box_pointer(&self) -> *mut L {
        debug_assert!(self.is_large(), "only a large form has a box");
        // SAFETY: in the large form the word is a pointer.
        let pointer = unsafe { self.word.assume_init() };
        pointer.as_ptr().map_addr(|address| address & !LARGE).cast()
    }

    /// The form that it has.
    #[inline]
    pub fn get(&self) -> Form<&S, &L> {
        if self.is_large() {
            // SAFETY: the box is owned, and borrowed as long as `self`.
            Form::Large(unsafe { &*self.box_pointer() })
        } else {
            // SAFETY: the word is an `S`, borrowed as long as `self`.
            Form::Small(unsafe { &*self.word.as_ptr().cast() })
        }
    }

    /// The form that it has, to be changed.
    #[inline]
    pub fn get_mut(&mut self) -> Form<&mut S, &mut L> {
        if self.is_large() {
            // SAFETY: the box is owned, and borrowed for changing as long as `self`.
            Form::Large(unsafe { &mut *self.box_pointer() })
        } else {
            // SAFETY: the word is an `S`, borrowed for changing as long as `self`; whatever it becomes, it is an `S`.
            Form::Small(unsafe { &mut *self.word.as_mut_ptr().cast() })
        }
    }

    /// Puts a large form in the place of the present one, and lends it.
    pub fn set_large(&mut self, large: L) -> &mut L {
        *self = Self::large(large);
        // SAFETY: the box was stored one line above.
        unsafe { &mut *self.box_pointer() }
    }

    /// Puts a small form in the place of the present one.
    pub fn set_small(&mut self, small: S) {
        *self = Self::small(small);
    }

    /// The form, by value.
    pub fn into_form(self) -> Form<S, L> {
        let this = ManuallyDrop::new(self);
        if this.is_large() {
            // SAFETY: the box is owned, and `this` is not dropped.
            Form::Large(*unsafe { Box::from_raw(this.box_pointer()) })
        } else {
            // SAFETY: the word is an `S`, and `this` is not dropped.
            Form::Small(unsafe { this.word.as_ptr().cast::<S>().read() })
        }
    }
}

impl<S: Small, L> Drop for Either<S, L> {
    #[inline]
    fn drop(&mut self) {
        if self.is_large() {
            // SAFETY: the box is owned and never used again.
            drop(unsafe { Box::from_raw(self.box_pointer()) });
        } else {
            // SAFETY: the word is an `S`, owned and never used again.
            unsafe { self.word.as_mut_ptr().cast::<S>().drop_in_place() };
        }
    }
}

impl<S: Small + Default, L> Default for Either<S, L> {
    fn default() -> Self {
        Self::small(S::default())
    }
}

impl<S: Small + Clone, L: Clone> Clone for Either<S, L> {
    fn clone(&self) -> Self {
        match self.get() {
            Form::Small(small) => Self::small(small.clone()),
            Form::Large(large) => Self::large(large.clone()),
        }
    }
}

impl<S: Small + fmt::Debug, L: fmt::Debug> fmt::Debug for Either<S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
