"""Who is calling, for which store, with which rights; and the keys that sign what leaves the house."""
